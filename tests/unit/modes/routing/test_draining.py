"""What an Envoy tells of its callers, and for how long each of them is waited for."""

import asyncio
from itertools import count

import pytest

from ktconnect.modes.routing import draining
from ktconnect.modes.routing.draining import UNKNOWN, Load, cut_off, drained, going_on, load_of

HTTP = "http.port-80.downstream_{}_active"
LISTENER = "listener.0.0.0.0_8080.downstream_cx_active"
PASSED = "listener.0.0.0.0_7000.downstream_cx_active"
ASIDE = {
    "http.admin.downstream_cx_active": 2,
    "http.admin.downstream_rq_active": 1,
    "listener.admin.downstream_cx_active": 2,
    "listener.admin.main_thread.downstream_cx_active": 2,
    "listener.0.0.0.0_8080.worker_1.downstream_cx_active": 9,
}


def told(found):
    return {"stats": [{"name": name, "value": value} for name, value in found.items()]}


@pytest.mark.parametrize(
    ("found", "load"),
    [
        ({}, Load(0, 0)),
        ({HTTP.format("cx"): 3, HTTP.format("rq"): 0, LISTENER: 3}, Load(3, 0)),
        ({HTTP.format("cx"): 3, HTTP.format("rq"): 1, LISTENER: 3}, Load(3, 1)),
        ({HTTP.format("cx"): 1, HTTP.format("rq"): 7, LISTENER: 1}, Load(1, 7)),
        ({HTTP.format("cx"): 1, HTTP.format("rq"): 0, LISTENER: 1, PASSED: 2}, Load(3, 2)),
        # a Pod's readiness is asked for
        ({"http.ready.downstream_cx_active": 1, "listener.0.0.0.0_9.downstream_cx_active": 1}, 0),
        ({"http.ready.downstream_rq_active": 1}, Load(0, 0)),
        # told of at moments that are not quite the same
        ({HTTP.format("cx"): 2, LISTENER: 1}, Load(2, 0)),
    ],
)
def test_who_asks_something_and_who_only_stays_are_told_apart(found, load):
    assert load_of(told({**found, **ASIDE})) == (load or Load(1, 0))


class Looks:
    """Looks at a router, each at its own second."""

    def __init__(self, *loads):
        self.loads = loads
        self.seen = 0
        self.now = 0.0

    async def __aiter__(self):
        for when, load in self.loads:
            self.now = when
            self.seen += 1
            yield load

    async def drained(self, say=print):
        return await drained(self, say, lambda: self.now)


async def test_calls_are_waited_for_and_told_once():
    busy = Load(2, 2)
    said: list[int] = []
    looks = Looks((0, busy), (2, busy), (9, Load(1, 1)), (20, Load(1, 1)), (24, Load()))
    assert await looks.drained(said.append) == 0
    assert said == [2]
    assert looks.seen == 5


async def test_short_ones_are_not_spoken_of():
    said: list[int] = []
    assert await Looks((0, Load(5, 5)), (0.5, Load())).drained(said.append) == 0
    assert said == []


async def test_idle_ones_are_left_sooner_than_calls():
    looks = Looks((0, Load(1, 0)), (7.9, Load(1, 0)), (8.1, Load(1, 0)), (9, Load()))
    assert await looks.drained() == 0
    assert looks.seen == 3
    looks = Looks((0, UNKNOWN), (8.1, UNKNOWN), (9, Load()))
    assert await looks.drained() == 0
    assert looks.seen == 2


async def test_those_that_do_not_end_are_counted_as_they_are_at_the_end(monkeypatch):
    monkeypatch.setattr(draining, "CALLS_SECONDS", 0)

    async def looks():
        for number in count():
            yield Load(9, 9 - min(number, 5))
            if number == 5:
                await asyncio.Event().wait()

    assert await drained(looks(), print) == 4


def test_it_is_said_in_a_line_each():
    assert going_on(1, "shop/web") == (
        "1 call goes on through the router of shop/web: waiting for that, 25 s at most"
    )
    assert going_on(1200, "shop/web").startswith("1,200 calls go on through the router")
    assert cut_off(2, "shop/web") == (
        "2 calls through the router of shop/web went on for more than 25 s and had to be cut"
    )
    assert cut_off(1, "shop/web").startswith("1 call through")
