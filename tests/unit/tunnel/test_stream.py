import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.unit.tunnel.ends import (
    Heard,
    link_pair,
    paper_link,
    read_all,
    tcp_pair,
    until,
)

from ktconnect.tunnel.link import Link
from ktconnect.tunnel.member import ORDERLY, End
from ktconnect.tunnel.stream import Stream
from ktconnect.tunnel.tuning import reset_on_close
from ktconnect.wire.frames import Kind, encode, encode_number
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target
from ktconnect.wire.window import INITIAL, Budget

TARGET = Target("tcp", "10.0.0.1", 80)


class Pair:
    """Applications on both sides of two links, joined stream by stream."""

    def __init__(self, laptop: Link, agent: Link) -> None:
        self.laptop = laptop
        self.agent = agent
        self.sockets: list[socket.socket] = []
        self.answered: list[socket.socket] = []

    def answer(self, link: Link, number: int, text: str) -> None:
        server, local = tcp_pair()
        self.answered.append(server)
        self.sockets.append(server)
        Stream(link, number).attach(local)

    async def connect(self) -> tuple[socket.socket, socket.socket]:
        client, local = tcp_pair()
        self.sockets.append(client)
        Stream(self.laptop, self.laptop.open(TARGET)).attach(local)
        before = len(self.answered)
        await until(lambda: len(self.answered) > before)
        return client, self.answered[-1]


@contextmanager
def applications() -> Iterator[Pair]:
    with link_pair() as (laptop, agent):
        pair = Pair(laptop, agent)
        agent.on_open = pair.answer
        yield pair
        for sock in pair.sockets:
            sock.close()


async def send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def receive(sock: socket.socket, size: int) -> bytes:
    loop, got = asyncio.get_running_loop(), b""
    while len(got) < size and (part := await loop.sock_recv(sock, size - len(got))):
        got += part
    return got


async def test_each_direction_ends_by_itself():
    with applications() as pair:
        client, server = await pair.connect()
        await send(client, b"question")
        client.shutdown(socket.SHUT_WR)
        assert await read_all(server) == b"question"
        await send(server, b"answer" * 100_000)
        server.shutdown(socket.SHUT_WR)
        assert await read_all(client) == b"answer" * 100_000
        await until(lambda: pair.laptop.streams == pair.agent.streams == 0)


@pytest.mark.parametrize("side", [0, 1])
async def test_a_reset_arrives_as_a_reset_whoever_sends_it(side):
    with applications() as pair:
        ends = await pair.connect()
        await send(ends[side], b"x")
        assert await receive(ends[1 - side], 1) == b"x"
        reset_on_close(ends[side])
        ends[side].close()
        with pytest.raises(ConnectionResetError):
            await receive(ends[1 - side], 1)
        await until(lambda: pair.laptop.streams == pair.agent.streams == 0)


async def test_bytes_arrive_unchanged_in_both_directions_at_once():
    data = bytes(range(256)) * 8192
    with applications() as pair:
        client, server = await pair.connect()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(client, data))
            tasks.create_task(send(server, data[::-1]))
            up = tasks.create_task(receive(server, len(data)))
            down = tasks.create_task(receive(client, len(data)))
        assert up.result() == data
        assert down.result() == data[::-1]


async def fill(sock: socket.socket, link: Link) -> int:
    """Send until nothing moves any more; how much was taken."""
    taken, moved = 0, (-1, -1)
    while moved != (taken, link.bytes_received):
        moved = (taken, link.bytes_received)
        try:
            while True:
                taken += sock.send(bytes(65_536))
        except BlockingIOError:
            await asyncio.sleep(0.05)
    return taken


async def test_a_stalled_reader_holds_up_its_own_stream_and_nothing_else():
    with applications() as pair:
        pair.agent.budget = Budget(growth=0)
        stalled, _ = await pair.connect()
        other, server = await pair.connect()
        await fill(stalled, pair.agent)
        assert pair.agent.budget.held <= INITIAL
        await send(other, b"still here")
        assert await receive(server, 10) == b"still here"


async def test_a_reader_that_goes_on_gets_everything():
    with applications() as pair:
        client, server = await pair.connect()
        taken = await fill(client, pair.agent)
        client.shutdown(socket.SHUT_WR)
        assert len(await read_all(server)) == taken
        assert pair.agent.budget.held == 0


async def test_what_waits_for_a_stalled_reader_is_bounded_for_the_whole_session():
    with applications() as pair:
        pair.agent.budget = Budget(held=INITIAL // 2)
        client, _ = await pair.connect()
        with pytest.raises(ConnectionResetError):
            await fill(client, pair.agent)
        assert pair.agent.budget.held == 0


async def test_a_lost_link_resets_both_applications():
    with applications() as pair:
        client, server = await pair.connect()
        pair.laptop.close()
        for end in (client, server):
            with pytest.raises(ConnectionResetError):
                await receive(end, 1)


async def test_a_short_answer_and_its_end_share_one_send():
    link, pipe, _ = paper_link()
    application, local = tcp_pair()
    application.sendall(b"bye")
    application.close()
    Stream(link, 1).attach(local, watched=True)
    await until(lambda: pipe.frames)
    assert pipe.sends == 1
    assert pipe.frames == [(Kind.DATA, 1, b"bye"), (Kind.EOF, 1, b"")]
    link.close()


class CountedSocket(socket.socket):
    """Counts how often it is read."""

    reads = 0

    def recv_into(self, *words: Any) -> int:
        self.reads += 1
        return super().recv_into(*words)


@pytest.mark.parametrize(("dialled", "reads"), [(True, [2, 3]), (False, [1, 2])])
async def test_only_the_first_answer_of_a_target_is_looked_behind_for_its_end(dialled, reads):
    """Who has asked waits for the answer; and an open connection will be asked again."""
    link, pipe, _ = paper_link()
    application, accepted = tcp_pair()
    local, seen = CountedSocket(fileno=accepted.detach()), list[int]()
    local.setblocking(False)
    Stream(link, 1).attach(local, watched=dialled)
    with application:
        while len(seen) < 2:
            application.sendall(b"x")
            await until(lambda: len(pipe.frames) > len(seen))
            seen.append(local.reads)
        link.close()
    assert seen == reads


async def test_a_sender_stops_at_its_credit_and_goes_on_with_more():
    link, pipe, _ = paper_link()
    application, local = tcp_pair()
    Stream(link, 1).attach(local)
    with application:
        await fill(application, link)
        assert sum(len(data) for _, _, data in pipe.frames) == INITIAL
        link.data_received(memoryview(encode_number(Kind.WINDOW, 1, 1000)))
        await until(lambda: sum(len(data) for _, _, data in pipe.frames) == INITIAL + 1000)
        link.close()


async def test_a_stream_that_has_something_waits_its_turn_while_the_pipe_is_full():
    link, pipe, _ = paper_link(room=1)
    application, local = tcp_pair()
    with application:
        link.ping()
        await until(lambda: pipe.frames)
        Stream(link, 1).attach(local)
        application.sendall(b"soon")
        await asyncio.sleep(0.02)
        pipe.frames.clear()
        pipe.room = 10
        link.resume_writing()
        await until(lambda: pipe.frames)
        assert pipe.frames == [(Kind.DATA, 1, b"soon")]
        link.close()


async def test_an_opener_hears_once_that_the_target_accepted():
    link, _, _ = paper_link()
    stream, opened = Stream(link, 1), list[str]()
    stream.on_opened = lambda: opened.append("opened")
    link.data_received(memoryview(2 * encode(Kind.OPENED, 1)))
    assert opened == ["opened"]
    link.close()


async def test_a_stream_knows_what_it_carried_and_how_it_ended():
    with applications() as pair:
        near, local = tcp_pair()
        stream, ended = Stream(pair.laptop, pair.laptop.open(TARGET)), list[End]()
        stream.on_end = ended.append
        stream.attach(local)
        await until(lambda: pair.answered)
        with near:
            await send(near, bytes(400_000))
            assert await receive(pair.answered[0], 400_000) == bytes(400_000)
            await send(pair.answered[0], b"thanks")
            pair.answered[0].shutdown(socket.SHUT_WR)
            assert await read_all(near) == b"thanks"
            near.shutdown(socket.SHUT_WR)
            await until(lambda: ended)
        assert (stream.sent, stream.received) == (400_000, 6)
        assert ended == [ORDERLY]


async def test_an_abort_tells_the_peer_why():
    link, pipe, _ = paper_link()
    stream = Stream(link, 1)
    stream.abort(Reason.ETIMEDOUT)
    stream.abort(Reason.ETIMEDOUT)
    await until(lambda: pipe.frames)
    assert pipe.frames == [(Kind.RESET, 1, struct.pack(">I", Reason.ETIMEDOUT))]


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (encode(Kind.EOF, 1) + encode(Kind.DATA, 1, b"x"), "data on stream 1 that is got EOF"),
        (encode(Kind.EOF, 1) * 2, "EOF on a stream that is got EOF"),
        (encode(Kind.DATAGRAM, 1, b"x"), "a datagram of 1 bytes on stream 1"),
        (encode_number(Kind.WINDOW, 1, 2**32 - 1), "more credit"),
        (encode(Kind.DATA, 1, bytes(INITIAL + 1)), "beyond the window"),
    ],
)
async def test_a_peer_that_breaks_the_rules_of_a_stream_loses_its_link(frames, why):
    link, _, heard = paper_link()
    Stream(link, 1)
    link.data_received(memoryview(frames))
    assert isinstance(heard, Heard)
    assert why in heard.closings[0]


async def test_many_idle_streams_each_carry_data_afterwards():
    with applications() as pair:
        ends = [await pair.connect() for _ in range(250)]
        for number, (client, _) in enumerate(ends):
            client.send(struct.pack(">I", number))
        for number, (_, server) in enumerate(ends):
            assert await receive(server, 4) == struct.pack(">I", number)
        assert pair.laptop.streams == pair.agent.streams == 250


async def test_a_reader_that_resets_while_much_waits_for_it_resets_its_peer():
    with applications() as pair:
        client, server = await pair.connect()
        await fill(client, pair.agent)
        assert pair.agent.budget.held
        reset_on_close(server)
        server.close()
        with pytest.raises(ConnectionResetError):
            await receive(client, 1)
        assert pair.agent.budget.held == 0


async def test_a_stream_that_ends_while_it_waits_for_its_turn_is_passed_over():
    link, pipe, _ = paper_link(room=1)
    application, local = tcp_pair()
    with application:
        stream = Stream(link, 1)
        stream.attach(local)
        link.ping()
        application.sendall(b"x")
        await asyncio.sleep(0.02)
        stream.abort(Reason.ETIMEDOUT)
        pipe.frames.clear()
        pipe.room = 10
        link.resume_writing()
        assert [kind for kind, _, _ in pipe.frames] == [Kind.RESET]


async def test_a_stream_is_also_joined_to_sockets_that_are_not_tcp():
    link, pipe, _ = paper_link()
    application, local = socket.socketpair()
    local.setblocking(False)
    with application:
        Stream(link, 1).attach(local)
        application.sendall(b"x")
        await until(lambda: pipe.frames)
        link.close()


async def test_a_defect_of_ours_ends_the_stream_and_tells_the_peer():
    link, pipe, _ = paper_link()
    Stream(link, 1).broke()
    await until(lambda: pipe.frames)
    assert pipe.frames == [(Kind.RESET, 1, struct.pack(">I", Reason.ECONNABORTED))]
