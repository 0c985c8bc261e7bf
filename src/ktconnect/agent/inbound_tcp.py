"""One caller's connection, until a laptop or the origin has accepted it. Nothing of it is read."""

import socket
from typing import TYPE_CHECKING

from ktconnect.tunnel.listen import Address
from ktconnect.tunnel.member import End, Side
from ktconnect.tunnel.outbox import THIS_ROUND
from ktconnect.tunnel.stream import Stream
from ktconnect.tunnel.tuning import is_reset, reset_on_close
from ktconnect.wire.call import Call
from ktconnect.wire.reasons import Reason
from ktconnect.wire.spec import Listen

from .copying import copied
from .listening import caller_of

if TYPE_CHECKING:
    from ktconnect.tunnel.dial import Dialing

    from .inbound import Inbound


class Waiting:
    """A caller between its arrival and the moment somebody takes it. Implements ``dial.Guest``.

    Closes: the caller's socket, until it is joined to a stream or to the origin.
    """

    __slots__ = ("_call", "_dialing", "_inbound", "_listen", "_sock", "_started", "_stream")

    def __init__(
        self, inbound: "Inbound", sock: socket.socket, listen: Listen, address: Address
    ) -> None:
        """``address``: the caller's, as ``accept`` told it."""
        self._inbound = inbound
        self._call = Call("tcp", listen.port, *caller_of(address))
        self._sock = sock
        self._listen = listen
        self._started = inbound.loop.time()
        self._stream: Stream | None = None
        self._dialing: Dialing | None = None

    def begin(self) -> None:
        """Offer it to a laptop, or pass it on."""
        if self._listen.to_laptop:
            self._offer()
        else:
            self._go_to_origin()

    def laptop_seen(self) -> None:
        """There is a laptop again."""
        if self._stream is None and self._dialing is None:
            self._offer()

    def check(self, now: float) -> None:
        """Give up a laptop that does not answer; notice a caller that has left."""
        if is_reset(self._sock):
            self.leave()
        elif now - self._started >= self._inbound.limit and self._dialing is None:
            self._withdraw(Reason.ETIMEDOUT)
            self._go_to_origin()

    def leave(self) -> None:
        """Reset the caller, and whatever was begun for it."""
        self._withdraw(Reason.ECONNRESET)
        if self._dialing is not None:
            self._dialing.cancel()
        self._inbound.forget(self)
        reset_on_close(self._sock)
        self._sock.close()

    # -- to a laptop

    def _offer(self) -> None:
        link = self._inbound.laptops.best()
        if link is None:
            self._pass_by()
            return
        stream = self._stream = Stream(link, link.open(self._call, THIS_ROUND))
        stream.on_opened = self._opened
        stream.on_end = self._ended

    def _opened(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream.on_end = None
        self._inbound.forget(self)
        self._inbound.to_laptop += 1
        stream.attach(self._sock)

    def _ended(self, end: End) -> None:
        """Not taken: another pipe may do if this one was lost; a refusal is an answer."""
        self._stream = None
        if end.side is Side.LINK:
            self._offer()
        else:
            self._go_to_origin()

    def _withdraw(self, errno: int) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.on_end = stream.on_opened = None
            stream.abort(errno)

    # -- to the origin

    def _pass_by(self) -> None:
        """No laptop: without an origin, one may come within the limit."""
        if self._listen.origin:
            self._go_to_origin()

    def _go_to_origin(self) -> None:
        target = self._listen.target
        if target is None:
            self._fail()
            return
        dialing = self._inbound.origins.dial(target, self)
        if not dialing.over:
            self._dialing = dialing

    def connected(self, sock: socket.socket) -> None:
        """See ``dial.Guest``."""
        self._dialing = None
        self._inbound.forget(self)
        if self._listen.to_laptop:
            self._inbound.to_origin += 1
        copy = copied(self._inbound, self._call) if self._listen.copied else None
        self._inbound.splice(self._sock, sock, copy)

    def unreachable(self, errno: int) -> None:
        """See ``dial.Guest``."""
        self._dialing = None
        self._fail()

    def _fail(self) -> None:
        self._inbound.failed += 1
        self.leave()
