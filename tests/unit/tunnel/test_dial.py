import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from tests.unit.tunnel.ends import free_port, link_pair, read_all, serving, tcp_pair

from ktconnect.tunnel.arrival import Arrival
from ktconnect.tunnel.dial import FALLBACK, Dialer, Dialing
from ktconnect.tunnel.link import Link
from ktconnect.tunnel.stream import Stream
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target


@contextlib.contextmanager
def dialed(target: Target, limit: float = 10.0) -> Iterator[tuple[socket.socket, Link]]:
    """An application whose connection leads to ``target``, and the link that dials."""
    dialer = Dialer(asyncio.get_running_loop(), limit=limit)
    with link_pair(dialer) as (laptop, agent):
        application, local = tcp_pair()
        with application:
            Stream(laptop, laptop.open(target)).attach(local)
            yield application, agent


async def greet(reader, writer):
    writer.write(b"hello " + await reader.read(3))
    await writer.drain()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_is_dialled_directly(host):
    async with serving(greet, host) as target:
        with dialed(target) as (sock, _):
            sock.sendall(b"you")
            assert await read_all(sock) == b"hello you"


async def test_a_name_is_resolved_and_every_address_of_it_is_tried():
    async with serving(greet) as target:  # on one of localhost's two addresses
        with dialed(Target("tcp", "localhost", target.port)) as (sock, _):
            sock.sendall(b"you")
            assert await read_all(sock) == b"hello you"


async def test_a_unix_socket_is_dialled(tmp_path):
    server = await asyncio.start_unix_server(greet_and_close, tmp_path / "s")
    async with server:
        with dialed(Target("unix", str(tmp_path / "s"))) as (sock, _):
            sock.sendall(b"you")
            assert await read_all(sock) == b"hello you"


async def greet_and_close(reader, writer):
    await greet(reader, writer)
    writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "no.such.name.invalid", "999.1.1.1"])
async def test_a_target_that_is_not_there_resets_the_stream(host):
    with dialed(Target("tcp", host, free_port())) as (sock, agent):
        with pytest.raises(ConnectionResetError):
            await asyncio.get_running_loop().sock_recv(sock, 1)
        assert agent.streams == 0


async def test_a_unix_socket_that_is_not_there_resets_the_stream(tmp_path):
    with dialed(Target("unix", str(tmp_path / "none"))) as (sock, _):
        with pytest.raises(ConnectionResetError):
            await asyncio.get_running_loop().sock_recv(sock, 1)


@contextlib.contextmanager
def deaf_server() -> Iterator[Target]:
    """Listens, but its backlog is full: the kernel drops further connections' SYN."""
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            sock = held.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield Target("tcp", *listener.getsockname())


async def test_a_target_that_does_not_answer_times_out():
    with deaf_server() as target, dialed(target, limit=0.1) as (sock, _):
        with pytest.raises(ConnectionResetError):
            await asyncio.get_running_loop().sock_recv(sock, 1)


async def test_an_address_that_does_not_answer_is_left_for_the_next_one():
    dialer = Dialer(asyncio.get_running_loop())
    with deaf_server() as deaf:
        async with serving(greet) as target:
            with link_pair() as (laptop, agent):
                application, local = tcp_pair()
                Stream(laptop, laptop.open(target)).attach(local)

                def begin(link: Link, number: int, text: str) -> None:
                    dialing = Dialing(dialer, Arrival(dialer, link, number))
                    addresses = [(socket.AF_INET, (t.host, t.port)) for t in (deaf, target)]
                    dialing._resolved(addresses)
                    dialing.check_time(dialer.loop.time() + FALLBACK)

                agent.on_open = begin
                with application:
                    application.sendall(b"you")
                    assert await read_all(application) == b"hello you"


async def test_a_defect_of_ours_ends_the_dialling_once():
    heard: list[int] = []

    class Guest:
        def connected(self, sock: socket.socket) -> None:
            sock.close()

        def unreachable(self, errno: int) -> None:
            heard.append(errno)

    with deaf_server() as target:
        dialing = Dialer(asyncio.get_running_loop()).dial(target, Guest())
        dialing.broke()
        dialing.broke()
    assert heard == [Reason.ECONNABORTED]
