import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Iterator

from tests.unit.tunnel.ends import until

from ktconnect.tunnel.listen import Acceptor, OnFull


@contextlib.contextmanager
def accepting(on_full: OnFull | None = None) -> Iterator[tuple[list[socket.socket], int]]:
    accepted: list[socket.socket] = []
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    acceptor = Acceptor(listener, lambda sock, _: accepted.append(sock), on_full=on_full)
    yield accepted, port
    acceptor.close()
    acceptor.close()
    for sock in accepted:
        sock.close()


async def test_every_connection_is_handed_over_non_blocking_and_without_delay():
    with accepting() as (accepted, port), contextlib.ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        await until(lambda: len(accepted) == 200)
        assert not any(sock.getblocking() for sock in accepted)
        assert all(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for sock in accepted)


@contextlib.contextmanager
def no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_room_for_sockets_it_waits_and_says_so_once():
    told: list[str] = []
    with accepting(told.append) as (accepted, port):
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        with no_more_files():
            await until(lambda: told)
            await asyncio.sleep(0.25)
            assert accepted == []
        await until(lambda: len(accepted) == 3)
        assert told == ["no more connections for now: Too many open files"]
        for client in clients:
            client.close()


async def test_a_closed_acceptor_does_not_come_back():
    with accepting() as (accepted, port):
        client = socket.create_connection(("127.0.0.1", port))
        with no_more_files():
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.15)
    assert accepted == []
    client.close()
