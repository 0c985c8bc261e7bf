from ktconnect.tunnel.timing import Backoff, Beat, Pulse, Timing

TIMING = Timing()


def ticks(pulse: Pulse, until: float, heard: float, start: float = 0.0) -> list[Beat]:
    """Tick every half second."""
    return [
        pulse.tick(start + n * TIMING.tick, heard)
        for n in range(1, int((until - start) / TIMING.tick) + 1)
    ]


def test_a_silent_link_is_stalled_and_then_lost_within_six_seconds():
    beats = ticks(Pulse(TIMING, 0.0), until=6.0, heard=0.0)
    assert beats.index(Beat.STALLED) * TIMING.tick <= TIMING.stall
    assert (beats.index(Beat.LOST) + 1) * TIMING.tick <= 5.5


def test_a_link_that_is_heard_of_is_fine():
    pulse = Pulse(TIMING, 0.0)
    assert all(pulse.tick(n * TIMING.tick, n * TIMING.tick) is Beat.FINE for n in range(100))


def test_our_own_sleep_is_not_held_against_the_peer():
    pulse = Pulse(TIMING, 0.0)
    ticks(pulse, until=2.0, heard=2.0)
    assert pulse.tick(300.0, heard=2.0) is Beat.FINE
    assert pulse.ping_due(300.0)
    beats = ticks(pulse, until=306.0, heard=2.0, start=300.0)
    assert beats[-1] is Beat.LOST


def test_a_ping_is_due_once_every_interval():
    pulse = Pulse(TIMING, 0.0)
    assert [n for n in range(9) if pulse.ping_due(float(n))] == [2, 4, 6, 8]


def test_the_first_try_is_immediate_and_the_delays_double_up_to_a_bound():
    backoff = Backoff(TIMING)
    delays = [backoff.next() for _ in range(9)]
    assert delays[0] == 0.0
    assert 0.15 <= delays[1] <= 0.2
    assert 0.3 <= delays[2] <= 0.4
    assert 3.75 <= delays[-1] <= 5.0
    backoff.succeeded()
    assert backoff.next() == 0.0
