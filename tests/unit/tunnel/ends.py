"""Real ends for the tests: an agent's link and servers on loopback, all in this process."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

from ktconnect.agent.serve import Agent
from ktconnect.tunnel.link import Link, OnOpen, Role
from ktconnect.tunnel.pipe import HEADROOM, PipeEvents
from ktconnect.tunnel.socketpipe import SocketPipe
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.frames import FrameParser
from ktconnect.wire.hello import AgentDoor, AgentFacts, Greeted, LaptopDoor, token_digest
from ktconnect.wire.spec import AgentSpec
from ktconnect.wire.target import Target
from ktconnect.wire.window import Budget

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]

TOKEN = "open sesame"
FACTS = AgentFacts(version="test", python="3", addresses=("10.0.0.1",), resolv_conf="x")
QUICK = Timing(
    tick=0.02, ping=0.05, stall=0.1, silence=0.2, attempt=2.0, retry_first=0.01, retry_longest=0.05
)


def free_port() -> int:
    """One below those that the kernel gives out by itself (``ip_local_port_range``): nobody else
    on this machine gets it between now and when it is used."""
    while True:
        port = random.randrange(20000, 32768)
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running_agent(port: int | None = None, token: str = TOKEN) -> Iterator[int]:
    """An agent on this test's loop; yields its port."""
    port = port or free_port()
    spec = AgentSpec(token_digest(token), port)
    agent = Agent(asyncio.get_running_loop(), spec, FACTS, lambda line: None)
    try:
        yield port
    finally:
        agent.close()


async def connect(port: int) -> SocketPipe:
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return SocketPipe(loop, sock)


@asynccontextmanager
async def running(tunnel: Tunnel) -> AsyncIterator[Tunnel]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(tunnel.run())
        try:
            yield tunnel
        finally:
            task.cancel()


@asynccontextmanager
async def tunnel_to(
    port: int, *, pipes: int = 1, timing: Timing | None = None
) -> AsyncIterator[Tunnel]:
    """A tunnel that is up, to the agent on ``port``."""
    async with running(Tunnel(lambda: connect(port), TOKEN, pipes=pipes, timing=timing)) as tunnel:
        await tunnel.ready(5)
        yield tunnel


@asynccontextmanager
async def serving(talk: Talk, host: str = "127.0.0.1") -> AsyncIterator[Target]:
    """A TCP server on loopback; yields its target."""

    async def close_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(close_after, host, 0)
    async with server:
        yield Target("tcp", host, server.sockets[0].getsockname()[1])


def joined(tunnel: Tunnel, target: Target) -> socket.socket:
    """The application's end of a TCP connection that the tunnel joined to ``target``."""
    application, accepted = tcp_pair()
    tunnel.join(accepted, target)
    return application


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected, non-blocking TCP sockets: a socketpair can't be reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


async def read_all(sock: socket.socket) -> bytes:
    loop, got = asyncio.get_running_loop(), b""
    while part := await loop.sock_recv(sock, 1 << 20):
        got += part
    return got


class Heard:
    """Who hears of a link in these tests."""

    def __init__(self) -> None:
        self.facts: AgentFacts | None = None
        self.closings: list[str] = []

    def greeted(self, link: Link, facts: AgentFacts | None) -> None:
        self.facts = facts

    def closed(self, link: Link, error: Exception | str) -> None:
        self.closings.append(str(error))


class PaperPipe:
    """A pipe that writes down the frames it is given, and is full after ``room`` sends."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.frames: list[tuple[int, int, bytes]] = []
        self.sends = 0
        self.closed = False
        self._parser = FrameParser()

    def start(self, events: PipeEvents) -> None:
        self.events = events

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        assert start >= HEADROOM
        assert self.room > 0, "sent to a pipe that is full"
        buffer[start - HEADROOM : start] = bytes(HEADROOM)
        part = bytes(buffer[start:end])
        self.frames += [(kind, n, bytes(p)) for kind, n, p in self._parser.feed(memoryview(part))]
        self.sends += 1
        self.room -= 1
        return self.room > 0

    def close(self) -> None:
        self.closed = True


class GreetedDoor:
    """A greeting that is over at the first byte, which it swallows."""

    knock = b""

    def feed(self, data: memoryview) -> Greeted:
        return Greeted(None, b"", data[1:])


def paper_link(role: Role = Role.LAPTOP, room: int = 1 << 30) -> tuple[Link, PaperPipe, Heard]:
    """A greeted link on a paper pipe."""
    pipe, heard = PaperPipe(), Heard()
    link = Link(asyncio.get_running_loop(), pipe, role, heard, budget=Budget())
    link.start(GreetedDoor())
    link.data_received(memoryview(b"!"))
    pipe.frames.clear()
    pipe.sends = 0
    pipe.room = room
    return link, pipe, heard


@contextlib.contextmanager
def link_pair(on_open: OnOpen | None = None, token: str = TOKEN) -> Iterator[tuple[Link, Link]]:
    """A laptop's and an agent's link, greeted, joined by a real socket pair."""
    loop = asyncio.get_running_loop()
    near, far = (SocketPipe(loop, sock) for sock in socket.socketpair())
    laptop = Link(loop, near, Role.LAPTOP, Heard(), budget=Budget())
    agent = Link(loop, far, Role.AGENT, Heard(), budget=Budget())
    agent.on_open = on_open
    agent.start(AgentDoor(token_digest(TOKEN), FACTS))
    laptop.start(LaptopDoor(token))
    try:
        yield laptop, agent
    finally:
        laptop.close()
        agent.close()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until something has become true; the test's time-out ends the wait."""
    while not condition():  # noqa: ASYNC110 - the kernel's progress has no event to wait for
        await asyncio.sleep(0.002)
