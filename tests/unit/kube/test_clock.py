import pytest

from ktconnect.kube.clock import ServerClock, since_boot


def test_the_servers_time_goes_on_by_our_steady_clock():
    steady = [100.0]
    clock = ServerClock(lambda: steady[0])
    clock.heard(5000.0)
    steady[0] += 7
    assert clock.now() == 5007.0
    assert clock.age == 7


def test_an_answer_without_date_changes_nothing():
    clock = ServerClock(lambda: 1.0)
    clock.heard(0.0)
    assert clock.age == float("inf")
    with pytest.raises(LookupError):
        clock.now()


def test_the_steady_clock_does_not_go_back():
    assert since_boot() <= since_boot()
