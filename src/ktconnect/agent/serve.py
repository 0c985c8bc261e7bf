"""Lets laptops in on the Pod's loopback, dials for them, and takes callers to them."""

import gc
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ktconnect.tunnel.dial import Dialer
from ktconnect.tunnel.epoll import EpollLoop
from ktconnect.tunnel.link import Link, Role
from ktconnect.tunnel.listen import Acceptor, Address
from ktconnect.tunnel.loop import Loop
from ktconnect.tunnel.socketpipe import SocketPipe
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tuning import raise_open_files
from ktconnect.wire.hello import AgentDoor, AgentFacts
from ktconnect.wire.spec import AgentSpec, Guard, Listen
from ktconnect.wire.window import Budget

from .facts import gather
from .inbound import OPENED_WITHIN, Inbound
from .laptops import Laptops, Watcher
from .leaving import Leaving
from .shown import Shown

UNGREETED: Final = 32
"""Pipes that may be open without a hello; more are turned away."""

LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))

Log = Callable[[str], object]


DIALLING: Final = Timing(tick=5.0, ping=5.0, stall=600.0, silence=600.0)
"""A laptop that sleeps keeps its streams for ten minutes; pings size the windows."""

ANSWERING: Final = Timing(tick=0.5, ping=1.0, stall=2.0, silence=4.0)
"""Where callers wait, a laptop counts as dead 4 s after its last sign of life."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When an agent worries, in seconds."""

    hello: float = 10.0
    """How long a new pipe may take for its hello."""
    timing: Timing = DIALLING
    opened: float = OPENED_WITHIN
    """How long a caller waits for a laptop."""


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
        """Serves from now on. Raises: OSError if a port is taken."""
        self._loop = loop
        self._patience = patience or Patience(timing=ANSWERING if spec.listens else DIALLING)
        self._spec = spec
        self._facts = facts
        self._log = log
        self._budget = Budget()
        self._dialer = Dialer(loop)
        loopback = listeners(spec.port)
        self._laptops = Laptops(loop, self._patience.timing)
        self.inbound = Inbound(loop, self._laptops, log, limit=self._patience.opened)
        self._acceptors = self._accepting(loopback, spec)
        self._watch(spec)

    def _accepting(self, loopback: list[socket.socket], spec: AgentSpec) -> list[Acceptor]:
        """Wait for laptops and for callers, or for neither. Raises: OSError."""
        try:
            self.inbound.listen(spec.listens)
        except OSError:
            self._laptops.close()
            for sock in loopback:
                sock.close()
            raise
        loop, log = self._loop, self._log
        return [Acceptor(sock, self._accepted, loop=loop, on_full=log) for sock in loopback]

    def _watch(self, spec: AgentSpec) -> None:
        """Tell those who want to know whether there is a laptop."""
        loop, log = self._loop, self._log
        self._laptops.watchers.append(self.inbound)
        if spec.ready:
            self._laptops.watchers.append(Shown(loop, spec.ready))
        if spec.guard is not None:
            self._laptops.watchers.append(_guard(spec.guard, log, loop.time()))

    @property
    def callers(self) -> int:
        """How many are here: they wait, or are joined to a laptop or to their origin."""
        return self.inbound.open + self._laptops.streams

    def close(self) -> None:
        """End everything at once. Idempotent."""
        for acceptor in self._acceptors:
            acceptor.close()
        self.inbound.close()
        self._laptops.close()

    def greeted(self, link: Link, facts: AgentFacts | None) -> None:
        """See ``member.LinkEvents``."""
        link.on_open = self._dialer
        self._laptops.came(link)
        self._log(f"laptop connected ({self._laptops.greeted} pipes)")

    def closed(self, link: Link, error: Exception | str) -> None:
        """See ``member.LinkEvents``."""
        self._log(f"pipe closed: {error}")
        self._laptops.lost(link)

    def _accepted(self, sock: socket.socket, address: Address) -> None:
        if self._laptops.ungreeted >= UNGREETED:
            sock.close()
            return
        link = Link(self._loop, SocketPipe(self._loop, sock), Role.AGENT, self, budget=self._budget)
        self._laptops.add(link)
        link.start(AgentDoor(self._spec.token_sha256, self.inbound.told_in(self._facts)))
        self._loop.call_later(self._patience.hello, lambda: self._check_hello(link))

    def _check_hello(self, link: Link) -> None:
        if not (link.greeted or link.closed):
            link.fail("no hello")


def _guard(orders: Guard, log: Log, now: float) -> Watcher:
    from .guard import (
        Guard as SessionGuard,
    )  # what it needs costs memory that others can do without

    return SessionGuard(orders, log, now=now)


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
    """Serve until SIGTERM or SIGINT; where callers come, until they have gone.

    Raises: OSError if the port is taken.
    """
    raise_open_files()
    loop = EpollLoop(log)
    agent = Agent(loop, spec, gather(), log)
    end = Leaving(loop, lambda: agent.callers, loop.stop).begin if spec.listens else loop.stop
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
    log(f"listening on port {spec.port}{_for_callers(spec.listens)}")
    settle()
    loop.run()
    agent.close()
    loop.close()


def _for_callers(listens: tuple[Listen, ...]) -> str:
    return f", for callers on {', '.join(map(str, listens))}" if listens else ""


def settle() -> None:
    """What was made so far lives for ever; the data path makes next to no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
