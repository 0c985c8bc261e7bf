"""Small real DNS servers on loopback, and an Ask that answers in process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from tests.unit.dns.messages import response
from tests.unit.tunnel.ends import free_port

from ktconnect.dns.ask import AskFailed, receive_query
from ktconnect.dns.message import parse_question

Handler = Callable[[bytes], bytes | None]


def udp_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", free_port()))
    sock.setblocking(False)
    return sock


def tcp_socket(port: int = 0) -> socket.socket:
    sock = socket.create_server(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


@contextlib.asynccontextmanager
async def serving(udp: Handler, tcp: Handler | None = None) -> AsyncIterator[tuple[str, int]]:
    """A server that answers by UDP, and on the same port by TCP if told so; None: no answer."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(udp_socket())
        port = sock.getsockname()[1]

        def read() -> None:
            query, peer = sock.recvfrom(65535)
            answer = udp(query)
            if answer is not None:
                sock.sendto(answer, peer)

        loop.add_reader(sock, read)
        stack.callback(loop.remove_reader, sock)
        async with asyncio.TaskGroup() as tasks:
            if tcp:
                listener = stack.enter_context(tcp_socket(port))
                serving_tcp = tasks.create_task(_serve_tcp(listener, tcp))
                stack.callback(serving_tcp.cancel)
            yield ("127.0.0.1", port)
            stack.close()


async def _serve_tcp(listener: socket.socket, handler: Handler) -> None:
    loop = asyncio.get_running_loop()
    while True:
        sock, _ = await loop.sock_accept(listener)
        with sock:
            answer = handler(await receive_query(sock))
            if answer is not None:
                await loop.sock_sendall(sock, len(answer).to_bytes(2, "big") + answer)


class Answers:
    """An Ask over a dictionary: name -> records; remembers what it was asked."""

    def __init__(self, known: dict[str, tuple[str, ...]] | None = None) -> None:
        self.known = known or {}
        self.asked: list[tuple[str, bool]] = []
        self.authority: tuple[str, ...] = ()
        self.failing = False
        self.cut = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, query: bytes, *, tcp: bool = False) -> bytes:
        name = parse_question(query).name
        self.asked.append((name, tcp))
        await self.gate.wait()
        if self.failing:
            raise AskFailed("told to fail")
        if name in self.known:
            wire = response(query, *self.known[name])
        else:
            wire = response(query, code="NXDOMAIN", authority=self.authority)
        return wire[: len(wire) - self.cut]
