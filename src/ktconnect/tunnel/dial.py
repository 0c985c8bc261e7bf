"""Answers opened streams by connecting to their targets."""

import errno
import socket
from typing import Final

from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

from .flows import Flows
from .link import Link
from .loop import Loop
from .resolve import Address, Resolver, numeric
from .stream import Stream

LIMIT: Final = 10.0
"""Seconds until a target that does not answer counts as timed out."""

FALLBACK: Final = 3.0
"""Seconds for one address while there is another one to try."""

_SWEEP: Final = 0.5


class Dialer:
    """A ``link.OnOpen``: TCP and unix targets here, UDP and ICMP flows in ``flows``.

    ``limit`` in seconds. A target that can't be reached resets its own stream and nothing else.
    """

    def __init__(self, loop: Loop, *, limit: float = LIMIT) -> None:
        self.loop = loop
        self.limit = limit
        self.resolver = Resolver(loop)
        self._flows = Flows(loop, self.resolver)
        self._dialings: dict[Dialing, None] = {}
        self._sweeping = False

    def __call__(self, link: Link, number: int, target: Target) -> None:
        """See ``link.OnOpen``."""
        if target.kind in ("udp", "icmp"):
            self._flows.open(link, number, target)
            return
        dialing = Dialing(self, Stream(link, number))
        self._dialings[dialing] = None
        self._sweep_later()
        dialing.start(target)

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
    """One stream on its way to its target. Closes: the socket, until the stream has it."""

    __slots__ = ("_addresses", "_dialer", "_errno", "_sock", "_started", "_stream", "_tried")

    def __init__(self, dialer: Dialer, stream: Stream) -> None:
        self._dialer = dialer
        self._stream = stream
        self._sock: socket.socket | None = None
        self._addresses: list[Address] = []
        self._errno: int = Reason.EHOSTUNREACH
        self._started = self._tried = dialer.loop.time()
        stream.on_end = self._abandon

    def start(self, target: Target) -> None:
        """Connect to ``target``; names are resolved first."""
        if target.kind == "unix":
            self._try(socket.AF_UNIX, target.host)
        elif address := numeric(target.host, target.port):
            self._try(*address)
        else:
            self._dialer.resolver.resolve(target.host, target.port, self._resolved)

    def check_time(self, now: float) -> None:
        """Give up, or go on to the next address, if this takes too long."""
        if now - self._started >= self._dialer.limit:
            self._stream.abort(Reason.ETIMEDOUT)
        elif self._addresses and now - self._tried >= FALLBACK:
            self._close()
            self._next()

    def _resolved(self, addresses: list[Address]) -> None:
        if self._stream.on_end is not None:
            self._addresses = addresses
            self._next()

    def _next(self) -> None:
        if self._addresses:
            self._tried = self._dialer.loop.time()
            self._try(*self._addresses.pop(0))
        else:
            self._stream.abort(self._errno)

    def _try(self, family: int, address: tuple[str, int] | str) -> None:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._failed(error.errno or Reason.ENOBUFS)
            return
        self._sock = sock
        try:
            result = sock.connect_ex(address)
        except OSError as error:  # an address that can't even be expressed
            result = error.errno or Reason.EINVAL
        if result in (0, errno.EINPROGRESS):
            self._dialer.loop.add_writer(sock.fileno(), self._writable)
        else:
            self._failed(result)

    def _writable(self) -> None:
        sock = self._sock
        if sock is None:
            return
        result = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if result:
            self._failed(result)
            return
        self._sock = None
        self._dialer.forget(self)
        self._stream.attach(sock, watched=True)

    def _failed(self, result: int) -> None:
        self._errno = result
        self._close()
        self._next()

    def _abandon(self) -> None:
        """The stream ended, by whatever cause."""
        self._stream.on_end = None
        self._dialer.forget(self)
        self._close()

    def _close(self) -> None:
        if self._sock is not None:
            self._dialer.loop.remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None
