"""An agent that callers come to, an origin, and a laptop, all on loopback in this process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from tests.unit.tunnel.ends import FACTS, TOKEN, connect, free_port, read_all, running, serving

from ktconnect.agent.serve import Agent, Patience
from ktconnect.tunnel.answer import Answers
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec, Listen
from ktconnect.wire.target import Target

TIMING = Timing(tick=0.02, ping=0.05, stall=5.0, silence=10.0)

PATIENT = Patience(timing=TIMING, opened=15.0)

BRIEF = Patience(timing=TIMING, opened=0.4)
"""For a wait that has to be over while a test looks on."""


@dataclass
class Place:
    """An agent and the port that its callers come to."""

    agent: Agent
    spec: AgentSpec
    lines: list[str]

    @property
    def port(self) -> int:
        return self.spec.listens[0].port


@contextlib.contextmanager
def taking_callers(
    origin: Target | None = None,
    *,
    protocol: str = "tcp",
    to_laptop: bool = True,
    copied: bool = False,
    patience: Patience = PATIENT,
) -> Iterator[Place]:
    """An agent whose one port fails open to ``origin``, or is always its and ``copied``."""
    where = "" if origin is None else f"{origin.host}:{origin.port}"
    to_laptop = to_laptop and not copied
    listen = Listen("udp" if protocol == "udp" else "tcp", free_port(), where, to_laptop, copied)
    spec, lines = AgentSpec(token_digest(TOKEN), free_port(), (listen,)), list[str]()
    loop = asyncio.get_running_loop()
    agent = Agent(loop, spec, FACTS, lines.append, patience=patience)
    try:
        yield Place(agent, spec, lines)
    finally:
        agent.close()


@contextlib.asynccontextmanager
async def laptop(place: Place, target: Target | None, pipes: int = 1) -> AsyncIterator[Tunnel]:
    """A laptop that answers the place's callers by ``target``; None: it refuses them."""
    listen = place.spec.listens[0]
    targets: Mapping[tuple[str, int], Target] = (
        {} if target is None else {(listen.protocol, listen.port): target}
    )
    tunnel = Tunnel(lambda: connect(place.spec.port), TOKEN, pipes=pipes)
    tunnel.on_open = Answers(targets, mute=listen.copied)
    async with running(tunnel):
        await tunnel.ready(5)
        yield tunnel


@contextlib.asynccontextmanager
async def saying(word: bytes) -> AsyncIterator[Target]:
    """A server that says ``word`` and what it is asked, until it hears the end of it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word + b":" + await reader.read())
        await writer.drain()

    async with serving(talk) as target:
        yield target


async def call(port: int, question: bytes = b"?", host: str = "127.0.0.1") -> bytes:
    """Ask, end the question, and read the answer. Raises: OSError."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (host, port))
        await loop.sock_sendall(sock, question)
        sock.shutdown(socket.SHUT_WR)
        return await read_all(sock)
