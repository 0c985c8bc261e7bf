"""When something counts as growing."""

from bench.soak import Sample, verdict


def sample(number, *, memory=100.0, descriptors=20, streams=0):
    return Sample(number * 24.0, memory, 20.0, descriptors, 10, streams, 0)


def test_what_stays_level_does_not_grow():
    assert verdict([sample(n, memory=100 + n % 3) for n in range(12)]) == []


def test_the_first_parts_do_not_count():
    assert verdict([sample(n, memory=50.0 if n < 2 else 100.0) for n in range(12)]) == []


def test_memory_that_goes_up_all_the_time_is_found():
    assert verdict([sample(n, memory=100.0 + 10 * n) for n in range(12)]) == [
        "laptop memory: from 130.0 to 200.0"
    ]


def test_descriptors_that_leak_are_found():
    found = verdict([sample(n, descriptors=20 + 5 * n) for n in range(12)])
    assert found == ["laptop descriptors: from 35.0 to 70.0"]


def test_streams_that_are_left_each_time_are_found():
    found = verdict([sample(n, streams=2 * n) for n in range(12)])
    assert found == ["streams: from 6.0 to 20.0"]


def test_a_stream_that_always_stays_is_no_leak():
    assert verdict([sample(n, streams=1) for n in range(12)]) == []
