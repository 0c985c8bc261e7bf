"""A copy of what a caller says to its origin, for a laptop that only listens.

The caller and its origin are joined as if there were no copy. What the laptop does not take at
once is kept, `BUFFER` bytes at most; who is slower than that gets no more of this call. So nothing
here ever waits, and the caller never does.
"""

import socket
from typing import TYPE_CHECKING, Final

from ktconnect.tunnel.member import End, Side
from ktconnect.tunnel.outbox import THIS_ROUND
from ktconnect.tunnel.socketpipe import AGAIN
from ktconnect.tunnel.stream import Stream
from ktconnect.wire.call import Call
from ktconnect.wire.reasons import Reason

if TYPE_CHECKING:
    from .inbound import Inbound

BUFFER: Final = 1024 * 1024
"""Bytes of one call that wait for a laptop, besides what the kernel and the tunnel hold."""

LINGER: Final = 30.0
"""Seconds for a laptop's program to end a call whose caller has."""


def copied(inbound: "Inbound", call: Call) -> "Copy | None":
    """Begin a copy of ``call`` for the laptop that is there; None, and counted, if none is."""
    link = inbound.laptops.best()
    if link is None:
        inbound.copy_cut("no laptop")
        return None
    inbound.copies += 1
    copy = Copy(inbound, Stream(link, link.open(call, THIS_ROUND)))
    inbound.copying.add(copy)
    return copy


class Copy:
    """One call's. Implements ``splice.Tee``. Closes: its sockets, and with them the stream.

    A stream reads from a socket, so it is given one end of a pair: the tunnel's own flow control
    decides when it takes something out, and the other end tells by itself when it is full.
    """

    __slots__ = ("_inbound", "_over", "_rest", "_said", "_since", "_stream", "_writing")

    def __init__(self, inbound: "Inbound", stream: Stream) -> None:
        self._inbound = inbound
        self._stream = stream
        self._rest = bytearray()
        self._over = self._writing = False
        self._since = 0.0
        self._said, end = socket.socketpair()
        for sock in (self._said, end):
            sock.setblocking(False)
        stream.on_end = self._ended
        stream.attach(end)

    def check(self, now: float) -> None:
        """Give up a program that does not end what the caller has ended."""
        if self._over and now - self._since > LINGER:
            self.broke_off()

    # -- splice.Tee

    def heard(self, data: memoryview) -> None:
        """See ``splice.Tee``."""
        if self._said.fileno() < 0:
            return
        sent = 0 if self._rest else self._send(data)
        if sent < len(data) and self._said.fileno() >= 0:
            self._keep(data[sent:])

    def heard_all(self) -> None:
        """See ``splice.Tee``. What was kept leaves first."""
        self._over = True
        self._since = self._inbound.loop.time()
        if not self._rest:
            self._finish()

    def broke_off(self) -> None:
        """See ``splice.Tee``."""
        if self._said.fileno() >= 0:
            self._stream.abort(Reason.ECONNRESET)

    # -- inside

    def _keep(self, data: memoryview) -> None:
        if len(self._rest) + len(data) > BUFFER:
            self._inbound.copy_cut("the laptop was too slow")
            self._rest.clear()
            self._over = True  # counted already
            self._stream.abort(Reason.ENOBUFS)
            return
        self._rest += data
        if not self._writing:
            self._writing = True
            self._inbound.loop.add_writer(self._said.fileno(), self._writable)

    def _send(self, data: memoryview) -> int:
        try:
            return self._said.send(data)
        except AGAIN:
            return 0
        except OSError:  # the stream has closed its end, and says so itself
            return len(data)

    def _writable(self) -> None:
        with memoryview(self._rest) as view:
            sent = self._send(view)
        del self._rest[:sent]
        if not self._rest:
            self._stop_writing()
            if self._over:
                self._finish()

    def _finish(self) -> None:
        """Say that there is no more; the laptop's own end comes as that of the stream."""
        if self._said.fileno() >= 0:
            self._said.shutdown(socket.SHUT_WR)

    def _ended(self, end: End) -> None:
        """The stream's end: the laptop's program has closed, or refused, or all is lost."""
        if (not self._over or self._rest) and end.side is not Side.HERE:
            self._inbound.copy_cut("the laptop took no more")
        self._close()

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._inbound.loop.remove_writer(self._said.fileno())

    def _close(self) -> None:
        self._inbound.copying.discard(self)
        self._rest.clear()
        self._stop_writing()
        self._said.close()
