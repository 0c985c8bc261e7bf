import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from tests.unit.tunnel.ends import read_all, tcp_pair, until

from ktconnect.tunnel.splice import Splice, muted
from ktconnect.tunnel.tuning import is_reset, reset_on_close

Joined = tuple[socket.socket, socket.socket, list[Splice], Splice]


@contextlib.contextmanager
def spliced() -> Iterator[Joined]:
    """The two far ends of a splice, who has heard of its end, and it."""
    (caller, left), (origin, right) = tcp_pair(), tcp_pair()
    ended: list[Splice] = []
    with caller, origin:
        splice = Splice(asyncio.get_running_loop(), left, right, ended.append)
        yield caller, origin, ended, splice
        splice.reset()
        assert left.fileno() == right.fileno() == -1


async def test_each_direction_ends_by_itself_and_the_second_end_closes_both():
    with spliced() as (caller, origin, ended, _):
        caller.sendall(b"question")
        caller.shutdown(socket.SHUT_WR)
        assert await read_all(origin) == b"question"
        assert ended == []
        origin.sendall(b"answer")
        origin.close()
        assert await read_all(caller) == b"answer"
        await until(lambda: ended)


async def test_a_slow_reader_stops_its_sender_and_gets_everything():
    loop, data = asyncio.get_running_loop(), bytes(range(256)) * 64_000
    with spliced() as (caller, origin, _, _):
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(loop.sock_sendall(caller, data))
            await asyncio.sleep(0.1)
            assert not sending.done()
            got = b""
            while len(got) < len(data):
                got += await loop.sock_recv(origin, 1 << 20)
        assert got == data


@pytest.mark.parametrize("side", [0, 1])
async def test_a_reset_arrives_as_a_reset(side):
    with spliced() as joined:
        ends = joined[:2]
        reset_on_close(ends[side])
        ends[side].close()
        with pytest.raises(ConnectionResetError):
            await read_all(ends[1 - side])
        await until(lambda: joined[2])


async def test_a_reader_that_is_gone_while_much_waits_for_it_ends_both():
    with spliced() as (caller, origin, ended, _):
        with contextlib.suppress(BlockingIOError):
            while True:
                caller.send(bytes(65_536))
        await asyncio.sleep(0.05)
        reset_on_close(origin)
        origin.close()
        await until(lambda: ended)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await asyncio.get_running_loop().sock_sendall(caller, bytes(1 << 24))


async def test_a_reset_of_ours_is_told_once():
    with spliced() as (caller, _, ended, splice):
        splice.reset()
        splice.reset()
        assert ended == [splice]
        with pytest.raises(ConnectionResetError):
            await read_all(caller)


async def test_a_reset_after_an_end_of_file_is_noticed_though_nothing_is_read():
    with spliced() as (caller, origin, ended, splice):
        caller.shutdown(socket.SHUT_WR)
        assert await read_all(origin) == b""
        splice.check()
        assert not ended
        reset_on_close(caller)
        caller.close()
        splice.check()
        assert ended
        assert is_reset(origin)


async def test_a_defect_ends_its_own_pair_of_sockets():
    with spliced() as (caller, origin, ended, splice):
        splice._halves[0].broke()
        assert ended
        for sock in (caller, origin):
            with pytest.raises(ConnectionResetError):
                await read_all(sock)


class Listener:
    """A tee that writes down what it hears."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def heard(self, data: memoryview) -> None:
        self.said.append(bytes(data))

    def heard_all(self) -> None:
        self.said.append("all")

    def broke_off(self) -> None:
        self.said.append("broke off")


async def test_a_tee_hears_what_the_left_one_says_and_how_it_ended():
    (caller, left), (origin, right) = tcp_pair(), tcp_pair()
    tee, ended = Listener(), list[Splice]()
    with caller, origin:
        splice = Splice(asyncio.get_running_loop(), left, right, ended.append, tee)
        origin.sendall(b"greeting")
        caller.sendall(b"question")
        await until(lambda: tee.said)
        caller.shutdown(socket.SHUT_WR)
        assert await read_all(origin) == b"question"
        assert tee.said == [b"question", "all"]
        splice.reset()
        assert tee.said[2:] == ["broke off"]


async def test_a_tee_is_not_told_of_an_end_in_order_twice():
    (caller, left), (origin, right) = tcp_pair(), tcp_pair()
    tee, ended = Listener(), list[Splice]()
    with caller, origin:
        Splice(asyncio.get_running_loop(), left, right, ended.append, tee)
        for sock in (caller, origin):
            sock.shutdown(socket.SHUT_WR)
        await until(lambda: ended)
        assert tee.said == ["all"]


async def test_a_muted_target_hears_all_and_nobody_hears_it():
    loop = asyncio.get_running_loop()
    there, target = tcp_pair()
    said, _ = muted(loop, target)
    with said, there:
        await loop.sock_sendall(said, b"copy")
        assert await loop.sock_recv(there, 100) == b"copy"
        async with asyncio.timeout(5):
            await loop.sock_sendall(there, bytes(4 << 20))  # it is read, or this would wait
        said.shutdown(socket.SHUT_WR)
        assert await loop.sock_recv(there, 100) == b""
        there.close()
        assert await read_all(said) == b""


async def test_a_muted_target_can_be_left_by_force():
    there, target = tcp_pair()
    said, splice = muted(asyncio.get_running_loop(), target)
    with said, there:
        splice.reset()
        with pytest.raises(ConnectionResetError):
            await read_all(there)
