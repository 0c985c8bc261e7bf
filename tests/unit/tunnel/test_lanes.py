from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.unit.tunnel.ends import QUICK, TOKEN, connect, running_agent, until

from ktconnect.tunnel.lane import Lane
from ktconnect.tunnel.lanes import Lanes
from ktconnect.wire.target import Target
from ktconnect.wire.window import Budget


@asynccontextmanager
async def two_lanes() -> AsyncIterator[Lanes]:
    lanes = Lanes()
    with running_agent() as port:
        for _ in range(2):
            lane = Lane(QUICK, lambda lane, reason: None)
            await lane.open(lambda: connect(port), TOKEN, Budget())
            lanes.up.append(lane)
        yield lanes
        for lane in list(lanes):
            lanes.drop(lane)


async def test_without_lanes_there_is_nothing_to_tell():
    lanes = Lanes()
    assert lanes.best() is None
    assert (lanes.streams, lanes.bytes_sent, lanes.rtt, lanes.heard) == (0, 0, None, None)


async def test_a_retired_lane_gets_no_streams_and_goes_when_it_has_none():
    async with two_lanes() as lanes:
        first, second = lanes.up
        lanes.retire(first)
        lanes.retire(first)
        assert lanes.best() is second
        assert list(lanes) == [second, first]
        lanes.drop_finished()
        assert list(lanes) == [second]
        assert first.over


async def test_what_a_dropped_lane_carried_stays_in_the_totals():
    async with two_lanes() as lanes:
        lane = lanes.up[0]
        lane.link.open(Target("tcp", "127.0.0.1", 1))
        await until(lambda: not lane.link.outbox.waiting)
        sent, heard = lanes.bytes_sent, lanes.heard
        lanes.drop(lane)
        lanes.drop(lane)
        assert lanes.bytes_sent == sent
        assert lanes.heard is not None
        assert heard is not None
    assert lanes.bytes_sent >= sent
