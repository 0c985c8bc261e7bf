import asyncio
from dataclasses import replace

import pytest
from tests.unit.tunnel.ends import FACTS, QUICK, TOKEN, connect, running_agent, until

from ktconnect.errors import TunnelClosed
from ktconnect.tunnel.lane import Lane
from ktconnect.tunnel.pipe import PipeEvents
from ktconnect.tunnel.timing import Beat
from ktconnect.wire.window import Budget


def watched() -> tuple[Lane, list[str]]:
    lost: list[str] = []
    return Lane(QUICK, lambda lane, reason: lost.append(reason)), lost


async def test_it_opens_with_the_agents_facts_and_says_when_it_is_lost():
    lane, lost = watched()
    with running_agent() as port:
        assert replace(await lane.open(lambda: connect(port), TOKEN, Budget()), alone=0.0) == FACTS
        assert not lane.over
    await until(lambda: lane.over)
    assert len(lost) == 1  # by FIN or by RST, as it happens
    assert lost[0].startswith("pipe lost: ")
    assert lane.worn.is_set()


class StillbornPipe:
    """Takes the hello, and is lost before anything comes back."""

    closed = False

    def start(self, events: PipeEvents) -> None:
        asyncio.get_running_loop().call_soon(events.pipe_lost, "no such pod")

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


async def test_a_pipe_that_is_lost_before_the_greeting_is_a_failed_opening():
    lane, lost = watched()
    pipe = StillbornPipe()

    async def open_pipe() -> StillbornPipe:
        return pipe

    with pytest.raises(TunnelClosed, match="no such pod"):
        await lane.open(open_pipe, TOKEN, Budget())
    assert lost == []
    assert pipe.closed


async def test_a_silent_link_is_given_up_at_the_tick():
    lane, lost = watched()
    with running_agent() as port:
        await lane.open(lambda: connect(port), TOKEN, Budget())
        now = lane.link.heard
        for tick in range(1, 12):
            lane.tick(now + tick * QUICK.tick)
        assert lane.beat is Beat.LOST
        assert lost == ["pipe lost: nothing heard for 0.2 s"]


async def test_an_answer_after_the_wait_was_given_up_is_no_error():
    lane, _ = watched()
    with running_agent() as port:
        await lane.open(lambda: connect(port), TOKEN, Budget())
        lane.ping().cancel()
        assert await lane.ping() > 0
        lane.link.close()
