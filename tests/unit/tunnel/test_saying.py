import asyncio

import pytest
from tests.unit.tunnel.ends import PaperPipe, until

from ktconnect.tunnel.outbox import Outbox
from ktconnect.tunnel.pings import Pings
from ktconnect.tunnel.saying import Saying
from ktconnect.wire.frames import MAX_DATAGRAM, Kind


@pytest.fixture
async def saying() -> tuple[Saying, PaperPipe]:
    loop, pipe = asyncio.get_running_loop(), PaperPipe()
    return Saying(Outbox(loop, pipe, lambda: None), Pings(loop.time), 1), pipe


async def test_streams_are_numbered_in_steps_of_two(saying):
    link, pipe = saying
    assert [link.open("tcp:a:1") for _ in range(3)] == [1, 3, 5]
    await until(lambda: pipe.sends)
    assert pipe.frames == [(Kind.OPEN, number, b"tcp:a:1") for number in (1, 3, 5)]


async def test_what_is_said_in_one_round_leaves_in_order_and_together(saying):
    link, pipe = saying
    link.say_opened(2, 0.0)
    link.grant(2, 65_536)
    link.send_eof(2)
    link.refuse(4, 111)
    link.ping()
    assert link.send_datagram(6, b"x")
    await until(lambda: pipe.sends)
    assert pipe.sends == 1
    assert [(kind, number) for kind, number, _ in sorted(pipe.frames)] == sorted(
        [(Kind.OPENED, 2), (Kind.WINDOW, 2), (Kind.EOF, 2), (Kind.RESET, 4), (Kind.PING, 0),
         (Kind.DATAGRAM, 6)]
    )  # fmt: skip
    stream = [(kind, payload) for kind, number, payload in pipe.frames if number == 2]
    assert stream == [(Kind.OPENED, b""), (Kind.WINDOW, b"\0\1\0\0"), (Kind.EOF, b"")]


async def test_an_end_that_nobody_waits_for_leaves_in_a_moment(saying):
    link, pipe = saying
    link.send_eof(1, soon=True)
    await asyncio.sleep(0)
    assert pipe.sends == 0
    await until(lambda: pipe.sends)
    assert pipe.frames == [(Kind.EOF, 1, b"")]


async def test_a_datagram_that_is_too_long_is_not_sent(saying):
    link, pipe = saying
    assert not link.send_datagram(1, bytes(MAX_DATAGRAM + 1))
    assert pipe.sends == 0
