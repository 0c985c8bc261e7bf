"""Connects to targets: for streams that the peer opened, and for whoever else asks."""

import errno
import socket
from typing import Final, Protocol

from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

from .arrival import Arrival
from .flows import Flows
from .link import Link
from .loop import Loop
from .outbox import UNASKED
from .resolve import Address, Resolver, numeric
from .tuning import tune_stream

LIMIT: Final = 10.0
"""Seconds until a target that does not answer counts as timed out."""

FALLBACK: Final = 3.0
"""Seconds for one address while there is another one to try."""

_SWEEP: Final = 0.5


class Guest(Protocol):
    """Who wants to be connected. Hears one of the two, once; nothing after ``Dialing.cancel``."""

    def connected(self, sock: socket.socket) -> None:
        """``sock`` is connected, non-blocking, tuned for a stream and now the guest's to close.

        The loop may still watch it for writing: to be taken over, or removed.
        """

    def unreachable(self, errno: int) -> None:
        """The target can't be reached, and why."""


class Dialer:
    """A ``link.OnOpen``: TCP and unix targets here, UDP and ICMP flows in ``flows``.

    ``limit`` in seconds. A target that can't be reached resets its own stream and nothing else.
    Streams of an opened number are answered by OPENED, which may wait ``patience`` seconds.
    """

    def __init__(self, loop: Loop, *, limit: float = LIMIT, patience: float = UNASKED) -> None:
        self.loop = loop
        self.limit = limit
        self.patience = patience
        self.resolver = Resolver(loop)
        self.flows = Flows(loop, self.resolver, patience=patience)
        self._dialings: dict[Dialing, None] = {}
        self._sweeping = False

    def __call__(self, link: Link, number: int, text: str) -> None:
        """See ``link.OnOpen``."""
        target = Target.parse(text)
        if target.kind in ("udp", "icmp"):
            self.flows.open(link, number, target)
        else:
            Arrival(self, link, number).go(target)

    def dial(self, target: Target, guest: Guest) -> "Dialing":
        """Connect to a TCP or unix target; ``guest`` may hear of it before this returns."""
        dialing = Dialing(self, guest)
        self._dialings[dialing] = None
        self._sweep_later()
        dialing.start(target)
        return dialing

    def forget(self, dialing: "Dialing") -> None:
        """It has come to an end."""
        self._dialings.pop(dialing, None)

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self.loop.call_later(min(_SWEEP, self.limit / 4), self._sweep)

    def _sweep(self) -> None:
        """One timer for all: connections come by the thousand and hardly ever time out."""
        self._sweeping = False
        now = self.loop.time()
        for dialing in list(self._dialings):
            dialing.check_time(now)
        if self._dialings:
            self._sweep_later()


class Dialing:
    """One guest on its way to its target. Closes: the socket, until the guest has it."""

    __slots__ = (
        "_addresses", "_dialer", "_errno", "_guest", "_sock", "_started", "_tried", "over",
    )  # fmt: skip

    def __init__(self, dialer: Dialer, guest: Guest) -> None:
        self._dialer = dialer
        self._guest = guest
        self._sock: socket.socket | None = None
        self._addresses: list[Address] = []
        self._errno: int = Reason.EHOSTUNREACH
        self._started = self._tried = dialer.loop.time()
        self.over = False
        """The guest has heard, or has left."""

    def start(self, target: Target) -> None:
        """Connect to ``target``; names are resolved first."""
        if target.kind == "unix":
            self._try(socket.AF_UNIX, target.host)
        elif address := numeric(target.host, target.port):
            self._try(*address)
        else:
            self._dialer.resolver.resolve(target.host, target.port, self._resolved)

    def cancel(self) -> None:
        """The guest has left. Idempotent."""
        self.over = True
        self._dialer.forget(self)
        self._close()

    def broke(self) -> None:
        """See ``watches.Breakable``."""
        if not self.over:
            self._give_up(Reason.ECONNABORTED)

    def check_time(self, now: float) -> None:
        """Give up, or go on to the next address, if this takes too long."""
        if now - self._started >= self._dialer.limit:
            self._give_up(Reason.ETIMEDOUT)
        elif self._addresses and now - self._tried >= FALLBACK:
            self._close()
            self._next()

    def _resolved(self, addresses: list[Address]) -> None:
        if not self.over:
            self._addresses = addresses
            self._next()

    def _next(self) -> None:
        if self._addresses:
            self._tried = self._dialer.loop.time()
            self._try(*self._addresses.pop(0))
        else:
            self._give_up(self._errno)

    def _try(self, family: int, address: tuple[str, int] | str) -> None:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._failed(error.errno or Reason.ENOBUFS)
            return
        self._sock = sock
        tune_stream(sock)
        result = _begun(sock, address)
        if result == errno.EALREADY:
            self._dialer.loop.add_writer(sock.fileno(), self._writable)
        else:
            self._tried_out(sock, result)

    def _writable(self) -> None:
        if self._sock is not None:
            result = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._tried_out(self._sock, result)

    def _tried_out(self, sock: socket.socket, result: int) -> None:
        if result:
            self._failed(result)
            return
        self._sock = None
        self.over = True
        self._dialer.forget(self)
        self._guest.connected(sock)

    def _failed(self, result: int) -> None:
        self._errno = result
        self._close()
        self._next()

    def _give_up(self, result: int) -> None:
        self.cancel()
        self._guest.unreachable(result)

    def _close(self) -> None:
        if self._sock is not None:
            self._dialer.loop.remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None


def _begun(sock: socket.socket, address: tuple[str, int] | str) -> int:
    """Begin to connect: 0 if that is all, EALREADY while it goes on, else why it failed.

    A target on this machine, and often one on this node, has accepted before the call is over; only
    a second call says so (connect(2)).
    """
    try:
        result = sock.connect_ex(address)
        return sock.connect_ex(address) if result == errno.EINPROGRESS else result
    except OSError as error:  # an address that can't even be expressed
        return error.errno or Reason.EINVAL
