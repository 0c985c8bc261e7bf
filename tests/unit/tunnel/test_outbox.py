import asyncio

import pytest
from tests.unit.tunnel.ends import PaperPipe, until

from ktconnect.tunnel.outbox import (
    CHUNK,
    COMPANY,
    CONTROL_LIMIT,
    SMALL,
    THIS_ROUND,
    Outbox,
)
from ktconnect.tunnel.turns import QUICK_TURNS
from ktconnect.tunnel.waiting import LIMIT
from ktconnect.wire.frames import Kind, encode


class Source:
    """A sender with so many chunks left."""

    def __init__(self, outbox: Outbox, number: int, chunks: int, *, bulky: bool = True) -> None:
        self.outbox = outbox
        self.number = number
        self.chunks = chunks
        self.bulky = bulky

    def pump(self) -> bool:
        self.chunks -= 1
        self.outbox.send_payload(self.number, SMALL + 1)
        return self.chunks > 0


def opened(room: int = 1 << 30) -> tuple[Outbox, PaperPipe, list[str]]:
    pipe, overflown = PaperPipe(room), list[str]()
    loop = asyncio.get_running_loop()
    return Outbox(loop, pipe, lambda: overflown.append("overflow")), pipe, overflown


def fill(outbox: Outbox, pipe: PaperPipe) -> None:
    """Make the pipe full."""
    pipe.room = 1
    outbox.send_payload(1, SMALL + 1)
    pipe.frames.clear()


def take(outbox: Outbox, pipe: PaperPipe, sends: int) -> list[tuple[int, int]]:
    """Kind and stream of what is sent when the pipe takes so many sends."""
    pipe.frames.clear()
    pipe.room = sends
    outbox.resume()
    return [(kind, stream) for kind, stream, _ in pipe.frames]


@pytest.fixture
async def box() -> tuple[Outbox, PaperPipe, list[str]]:
    return opened()


async def test_control_frames_overtake_the_bulk_that_waits(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    outbox.park(Source(outbox, 5, 3))
    outbox.send_control(encode(Kind.PING, 0, bytes(8)))
    assert take(outbox, pipe, 2) == [(Kind.PING, 0), (Kind.DATA, 5)]


async def test_the_opening_of_a_stream_leaves_with_its_first_bytes(box):
    outbox, pipe, _ = box
    outbox.send_soon(encode(Kind.OPEN, 1, b"tcp:a:1"))
    outbox.send_soon(encode(Kind.OPEN, 3, b"tcp:a:1"))
    assert pipe.sends == 0
    outbox.send_payload(3, 10)
    await until(lambda: pipe.sends)
    assert pipe.sends == 1
    assert [(kind, stream) for kind, stream, _ in pipe.frames] == [
        (Kind.OPEN, 1), (Kind.OPEN, 3), (Kind.DATA, 3),
    ]  # fmt: skip


async def test_a_frame_that_finds_no_company_leaves_alone_in_a_moment(box):
    outbox, pipe, _ = box
    outbox.send_soon(encode(Kind.EOF, 1))
    await until(lambda: pipe.sends)
    assert pipe.frames == [(Kind.EOF, 1, b"")]


async def test_frames_that_wait_for_company_stay_before_what_follows(box):
    outbox, pipe, _ = box
    last = 2 * COMPANY // 8 + 1
    for number in range(1, last, 2):  # more than may wait
        outbox.send_soon(encode(Kind.EOF, number))
    assert pipe.sends == 0
    outbox.send_soon(encode(Kind.EOF, last))
    assert pipe.sends == 1
    last += 2
    outbox.cork()
    outbox.send_soon(encode(Kind.OPEN, last, b"tcp:a:1"))
    outbox.send_datagram(encode(Kind.DATAGRAM, last, b"x"))
    outbox.uncork()
    assert [stream for _, stream, _ in pipe.frames] == [*range(1, last, 2), last, last]


async def test_small_frames_of_all_streams_leave_together_at_the_end_of_the_round(box):
    outbox, pipe, _ = box
    outbox.send_soon(encode(Kind.OPENED, 1), THIS_ROUND)
    outbox.send_payload(3, SMALL)
    outbox.send_last_payload(5, 10)
    outbox.send_control(encode(Kind.EOF, 7))
    outbox.send_datagram(encode(Kind.DATAGRAM, 9, b"x"))
    assert pipe.sends == 0
    await asyncio.sleep(0)
    assert pipe.sends == 1
    assert [(kind, stream) for kind, stream, _ in pipe.frames] == [
        (Kind.OPENED, 1), (Kind.DATA, 3), (Kind.DATA, 5), (Kind.EOF, 5), (Kind.EOF, 7),
        (Kind.DATAGRAM, 9),
    ]  # fmt: skip


async def test_bulk_leaves_at_once_behind_the_small_frames_that_were_held(box):
    outbox, pipe, _ = box
    outbox.send_payload(3, 10)
    outbox.send_payload(5, SMALL + 1)
    assert pipe.sends == 1
    assert [(stream, len(payload)) for _, stream, payload in pipe.frames] == [
        (3, 10), (5, SMALL + 1),
    ]  # fmt: skip
    await asyncio.sleep(0)
    assert pipe.sends == 1


async def test_a_round_of_very_much_does_not_wait_for_its_end(box):
    outbox, pipe, _ = box
    for number in range(1, 13, 2):
        outbox.send_payload(number, SMALL)
    assert pipe.sends == 1
    assert outbox.waiting <= COMPANY
    await asyncio.sleep(0)
    assert [stream for _, stream, _ in pipe.frames] == [1, 3, 5, 7, 9, 11]


async def test_what_was_said_in_the_last_round_before_the_end_is_sent(box):
    outbox, pipe, _ = box
    outbox.send_control(encode(Kind.RESET, 1, bytes(4)))
    outbox.close()
    assert [kind for kind, _, _ in pipe.frames] == [Kind.RESET]


async def test_corked_frames_leave_together(box):
    outbox, pipe, _ = box
    outbox.cork()
    for number in (1, 3, 5):
        outbox.send_control(encode(Kind.EOF, number))
    outbox.send_datagram(encode(Kind.DATAGRAM, 7, b"x"))
    assert pipe.sends == 0
    outbox.uncork()
    assert pipe.sends == 1
    assert [stream for _, stream, _ in pipe.frames] == [1, 3, 5, 7]


async def test_streams_that_wait_take_turns_of_one_chunk(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    for number in (1, 3, 5):
        outbox.park(Source(outbox, number, 2))
    assert [stream for _, stream in take(outbox, pipe, 6)] == [1, 3, 5, 1, 3, 5]


async def test_those_with_little_go_before_those_with_much_but_not_for_ever(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    outbox.park(Source(outbox, 1, 9))
    for _ in range(QUICK_TURNS + 2):
        outbox.park(Source(outbox, 3, 1, bulky=False))
    order = [stream for _, stream in take(outbox, pipe, QUICK_TURNS + 3)]
    assert order == [3] * QUICK_TURNS + [1] + [3] * 2


async def test_a_long_queue_lets_other_sockets_in_between(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    outbox.park(Source(outbox, 1, 100))
    pipe.room = 1000
    outbox.resume()
    assert len(pipe.frames) < 100
    assert outbox.blocked
    await until(lambda: not outbox.blocked)
    assert len(pipe.frames) == 100


async def test_a_stream_says_eof_in_the_same_send_as_its_last_bytes(box):
    outbox, pipe, _ = box
    outbox.payload[:CHUNK] = b"z" * CHUNK
    outbox.send_last_payload(9, CHUNK)
    assert pipe.sends == 1
    assert pipe.frames == [(Kind.DATA, 9, b"z" * CHUNK), (Kind.EOF, 9, b"")]


async def test_datagrams_beyond_a_bound_are_dropped_and_the_others_keep_their_order(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    frames = [encode(Kind.DATAGRAM, 1, bytes([n]) * 10_000) for n in range(40)]
    kept = sum(outbox.send_datagram(frame) for frame in frames)
    assert kept == LIMIT // len(frames[0])
    assert outbox.waiting <= LIMIT
    pipe.room = 1000
    outbox.resume()
    await until(lambda: not outbox.blocked)
    assert [payload[0] for _, _, payload in pipe.frames] == list(range(kept))


async def test_a_flood_of_datagrams_does_not_starve_streams(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    outbox.park(Source(outbox, 3, 50))
    for _ in range(20):
        outbox.send_datagram(encode(Kind.DATAGRAM, 1, bytes(10_000)))
    sends = [{kind for kind, _ in take(outbox, pipe, 1)} for _ in range(4)]
    assert sends == [{Kind.DATAGRAM}, {Kind.DATA}] * 2


async def test_a_peer_that_reads_nothing_is_given_up_before_memory_runs_out(box):
    outbox, pipe, overflown = box
    fill(outbox, pipe)
    frame = encode(Kind.PING, 0, bytes(8))
    for _ in range(CONTROL_LIMIT // len(frame) + 1):
        outbox.send_control(frame)
    await asyncio.sleep(0)
    assert overflown == ["overflow"]
    assert outbox.waiting == 0


async def test_after_its_end_nothing_is_sent(box):
    outbox, pipe, _ = box
    fill(outbox, pipe)
    outbox.park(Source(outbox, 1, 1))
    outbox.send_control(encode(Kind.EOF, 1))
    outbox.close()
    outbox.send_control(encode(Kind.EOF, 1))
    assert not outbox.send_datagram(encode(Kind.DATAGRAM, 1))
    assert take(outbox, pipe, 5) == []
