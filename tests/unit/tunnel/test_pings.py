from ktconnect.tunnel.pings import Pings


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_round_trip_is_the_time_to_the_answer():
    clock = Clock()
    pings = Pings(clock)
    assert (pings.rtt, pings.shortest) == (None, 0.0)
    heard: list[float] = []
    for took in (0.25, 0.5):
        tag = pings.sent(heard.append)
        clock.now += took
        pings.answered(tag)
    assert heard == [0.25, 0.5]
    assert (pings.rtt, pings.shortest) == (0.5, 0.25)


def test_an_answer_to_nothing_is_ignored():
    pings = Pings(Clock())
    tag = pings.sent()
    pings.answered(b"whatever")
    assert pings.rtt is None
    pings.answered(tag)
    pings.answered(tag)
    assert pings.rtt == 0.0


def test_pings_without_answer_are_forgotten_in_the_end():
    pings = Pings(Clock())
    first = pings.sent()
    for _ in range(100):
        pings.sent()
    pings.answered(first)
    assert pings.rtt is None
