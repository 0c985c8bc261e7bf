import asyncio
import contextlib
from collections.abc import Iterator

from tests.unit.tunnel.ends import paper_link, until

from ktconnect.agent.laptops import Laptops
from ktconnect.tunnel.link import LAST_NUMBER, Link, Role
from ktconnect.tunnel.stream import Stream
from ktconnect.tunnel.timing import Timing

TIMING = Timing(tick=0.02, ping=0.04, stall=0.1, silence=10.0)


class Watching:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.ticks = 0

    def laptop_seen(self) -> None:
        self.heard.append("seen")

    def laptop_gone(self, now: float) -> None:
        self.heard.append("gone")

    def tick(self, now: float) -> None:
        self.ticks += 1


@contextlib.contextmanager
def watched(timing: Timing = TIMING) -> Iterator[tuple[Laptops, Watching]]:
    laptops, watching = Laptops(asyncio.get_running_loop(), timing), Watching()
    laptops.watchers.append(watching)
    yield laptops, watching
    laptops.close()
    laptops.close()


def greeted(laptops: Laptops) -> Link:
    link, _, _ = paper_link(Role.AGENT)
    laptops.add(link)
    laptops.came(link)
    return link


async def test_the_first_to_come_and_the_last_to_go_are_told():
    with watched() as (laptops, watching):
        assert laptops.best() is None
        await asyncio.sleep(0.01)
        assert laptops.alone >= 0.01
        one, two = greeted(laptops), greeted(laptops)
        assert (laptops.greeted, laptops.greetings, laptops.alone) == (2, 2, 0.0)
        for link in (one, two):
            link.close()
            laptops.lost(link)
        assert watching.heard == ["seen", "gone"]
        assert laptops.alone < 5
        laptops.lost(two)
        assert watching.heard == ["seen", "gone"]


async def test_the_least_busy_pipe_takes_the_next_call():
    with watched() as (laptops, _):
        busy, idle = greeted(laptops), greeted(laptops)
        Stream(busy, 2)
        assert laptops.best() is idle
        idle.outbox.blocked = True
        assert laptops.best() is busy


async def test_a_silent_pipe_gets_no_calls_while_another_one_answers():
    with watched() as (laptops, _):
        silent, lively = greeted(laptops), greeted(laptops)
        lively.heard += 1000
        await until(lambda: silent in laptops._stalled)
        for _ in range(3):
            assert laptops.best() is lively
        lively.close()
        assert laptops.best() is silent  # better than none: it may only be slow
        silent.heard += 1000
        await until(lambda: silent not in laptops._stalled)


async def test_a_pipe_that_is_silent_for_too_long_is_given_up():
    with watched(Timing(tick=0.02, ping=0.04, stall=0.05, silence=0.1)) as (laptops, watching):
        link = greeted(laptops)
        await until(lambda: link.closed)
        assert laptops.best() is None
        assert watching.ticks


async def test_a_pipe_whose_numbers_are_used_up_is_given_up():
    with watched() as (laptops, _):
        link = greeted(laptops)
        link._next = LAST_NUMBER - 2
        await until(lambda: link.closed)


async def test_pipes_without_a_hello_are_counted_apart():
    with watched() as (laptops, _):
        link, _, _ = paper_link(Role.AGENT)
        link.close()  # as one that is not greeted
        laptops.add(link)
        assert (laptops.ungreeted, laptops.greeted) == (1, 0)


async def test_a_worn_pipe_keeps_its_streams_while_a_fresh_one_gets_the_calls():
    with watched() as (laptops, watching):
        worn, fresh = greeted(laptops), greeted(laptops)
        worn._last_of_peer = int(LAST_NUMBER * 0.95)
        Stream(fresh, 2)
        assert laptops.best() is fresh
        before = watching.ticks
        await until(lambda: watching.ticks > before + 1)
        assert not worn.closed
        fresh.close()
        assert laptops.best() is worn
