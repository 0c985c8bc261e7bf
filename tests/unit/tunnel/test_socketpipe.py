"""The contract of ``pipe.Pipe``, on the pipe that is a socket."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.unit.tunnel.ends import tcp_pair, until

from ktconnect.tunnel.pipe import HEADROOM
from ktconnect.tunnel.socketpipe import SocketPipe
from ktconnect.tunnel.tuning import reset_on_close


class Events:
    def __init__(self) -> None:
        self.data = bytearray()
        self.resumed = 0
        self.lost: list[str] = []

    def data_received(self, data: memoryview) -> None:
        self.data += data

    def resume_writing(self) -> None:
        self.resumed += 1

    def pipe_lost(self, reason: str) -> None:
        self.lost.append(reason)


@contextmanager
def opened() -> Iterator[tuple[SocketPipe, Events, socket.socket]]:
    near, far = tcp_pair()
    pipe, events = SocketPipe(asyncio.get_running_loop(), near), Events()
    pipe.start(events)
    with far:
        yield pipe, events, far
    pipe.close()


def send(pipe: SocketPipe, payload: bytes) -> bool:
    return pipe.send(bytearray(HEADROOM) + payload, HEADROOM, HEADROOM + len(payload))


async def test_bytes_go_both_ways():
    with opened() as (pipe, events, far):
        assert send(pipe, b"out")
        assert far.recv(10) == b"out"
        far.send(b"in")
        await until(lambda: events.data)
        assert events.data == b"in"


async def test_a_full_pipe_takes_what_it_was_given_and_says_when_it_takes_more():
    with opened() as (pipe, events, far):
        sent, got = 0, 0
        while send(pipe, bytes(100_000)):
            sent += 100_000
        sent += 100_000
        await asyncio.sleep(0.01)
        assert events.resumed == 0
        while got < sent:
            try:
                got += len(far.recv(1 << 20))
            except BlockingIOError:
                await asyncio.sleep(0)
        assert got == sent
        await until(lambda: events.resumed)
        assert events.resumed == 1
        assert send(pipe, b"more")


async def test_the_buffer_is_free_for_reuse_at_once():
    with opened() as (pipe, _, far):
        payload = bytearray(HEADROOM) + b"a" * 1_000_000
        free = True
        while free:
            free = pipe.send(payload, HEADROOM, len(payload))
        payload[:] = b"b" * len(payload)
        await asyncio.sleep(0)
        got = b""
        while part := await drain(far):
            got += part
        assert got == b"a" * len(got)


async def drain(sock: socket.socket) -> bytes:
    await asyncio.sleep(0.01)
    try:
        return sock.recv(1 << 20)
    except BlockingIOError:
        return b""


async def test_the_peers_end_is_told_once():
    with opened() as (_, events, far):
        far.close()
        await until(lambda: events.lost)
        await asyncio.sleep(0.01)
        assert events.lost == ["closed by the other side"]


async def test_a_reset_is_told_with_its_reason():
    with opened() as (_, events, far):
        reset_on_close(far)
        far.close()
        await until(lambda: events.lost)
        assert events.lost == ["Connection reset by peer"]


async def test_a_failing_send_is_told_after_the_send_has_returned():
    with opened() as (pipe, events, far):
        reset_on_close(far)
        far.close()
        while send(pipe, b"x"):
            pass
        assert events.lost == []
        await until(lambda: events.lost)
        assert len(events.lost) == 1


async def test_a_reset_while_the_pipe_is_full_is_told():
    with opened() as (pipe, events, far):
        while send(pipe, bytes(100_000)):
            pass
        reset_on_close(far)
        far.close()
        await until(lambda: events.lost)
        assert len(events.lost) == 1


async def test_nothing_follows_our_own_close():
    with opened() as (pipe, events, far):
        pipe.close()
        pipe.close()
        assert not send(pipe, b"x")
        assert far.recv(1) == b""
        await asyncio.sleep(0.01)
        assert events.lost == []


async def test_a_defect_of_ours_loses_the_pipe():
    with opened() as (pipe, events, _):
        pipe.broke()
        assert events.lost == ["a defect at this end"]
