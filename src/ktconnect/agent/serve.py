"""Lets laptops in on the Pod's loopback, and dials for them."""

import gc
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ktconnect.tunnel.dial import Dialer
from ktconnect.tunnel.epoll import EpollLoop
from ktconnect.tunnel.link import Link, Role
from ktconnect.tunnel.listen import Acceptor
from ktconnect.tunnel.loop import Loop
from ktconnect.tunnel.socketpipe import SocketPipe
from ktconnect.tunnel.tuning import raise_open_files
from ktconnect.wire.hello import AgentDoor, AgentFacts
from ktconnect.wire.spec import AgentSpec
from ktconnect.wire.window import Budget

from .facts import gather

UNGREETED: Final = 32
"""Pipes that may be open without a hello; more are turned away."""

LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))

Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds."""

    hello: float = 10.0
    """How long a new pipe may take for its hello."""
    ping: float = 5.0
    """Between two pings on a link: they size the windows."""
    silence: float = 600.0
    """After that much of it a laptop is taken for gone. One that sleeps keeps its streams."""


class Agent:
    """All pipes of an agent. Implements ``member.LinkEvents``. Closes: links, listeners."""

    def __init__(
        self,
        loop: Loop,
        spec: AgentSpec,
        facts: AgentFacts,
        log: Log,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._loop = loop
        self._patience = patience or Patience()
        self._spec = spec
        self._facts = facts
        self._log = log
        self._budget = Budget()
        self._dialer = Dialer(loop)
        self._links: set[Link] = set()
        self._acceptors = [
            Acceptor(sock, self._accepted, loop=loop, on_full=log) for sock in listeners(spec.port)
        ]
        self._ticker = loop.call_later(self._patience.ping, self._tick)

    def close(self) -> None:
        """End everything at once. Idempotent."""
        self._ticker.cancel()
        for acceptor in self._acceptors:
            acceptor.close()
        for link in list(self._links):
            link.close()
        self._links.clear()

    def greeted(self, link: Link, facts: AgentFacts | None) -> None:
        """See ``member.LinkEvents``."""
        link.on_open = self._dialer
        self._log(f"laptop connected ({self._greeted()} pipes)")

    def closed(self, link: Link, error: Exception | str) -> None:
        """See ``member.LinkEvents``."""
        self._links.discard(link)
        self._log(f"pipe closed: {error}")

    def _greeted(self) -> int:
        return sum(link.greeted for link in self._links)

    def _accepted(self, sock: socket.socket) -> None:
        if len(self._links) - self._greeted() >= UNGREETED:
            sock.close()
            return
        link = Link(self._loop, SocketPipe(self._loop, sock), Role.AGENT, self, budget=self._budget)
        self._links.add(link)
        link.start(AgentDoor(self._spec.token_sha256, self._facts))
        self._loop.call_later(self._patience.hello, lambda: self._check_hello(link))

    def _check_hello(self, link: Link) -> None:
        if not (link.greeted or link.closed):
            link.fail("no hello")

    def _tick(self) -> None:
        now = self._loop.time()
        for link in list(self._links):
            if now - link.heard > self._patience.silence:
                link.fail("the laptop is gone")
            elif link.greeted:
                link.ping()
        self._ticker = self._loop.call_later(self._patience.ping, self._tick)


def listeners(port: int) -> list[socket.socket]:
    """Sockets bound to ``port`` on the loopback addresses there are.

    Raises: OSError if there is none.
    """
    found: list[socket.socket] = []
    failure: OSError | None = None
    for family, host in LOOPBACK:
        try:
            found.append(_bound(family, host, port))
        except OSError as error:
            failure = failure or error
    if not found and failure is not None:
        raise failure
    return found


def _bound(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def serve(spec: AgentSpec, log: Log) -> None:
    """Serve until SIGTERM or SIGINT. Raises: OSError if the port is taken."""
    raise_open_files()
    loop = EpollLoop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(loop.stop))
    agent = Agent(loop, spec, gather(), log)
    log(f"listening on port {spec.port}")
    settle()
    loop.run()
    agent.close()
    loop.close()


def settle() -> None:
    """What was made so far lives for ever; the data path makes next to no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
