"""Two sockets of this machine joined: half-close, resets and backpressure pass through."""

import socket
from typing import TYPE_CHECKING, Final, Protocol

from .loop import Loop
from .socketpipe import AGAIN
from .tuning import is_reset, reset_on_close

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK: Final = 128 * 1024

_BUFFER: Final = memoryview(bytearray(CHUNK))
"""Shared: what a read brings is sent, or copied, before the next read."""


class Tee(Protocol):
    """Hears what ``left`` says. Its methods return at once, and raise nothing."""

    def heard(self, data: memoryview) -> None:
        """The next bytes; they are only there until it returns."""

    def heard_all(self) -> None:
        """It says no more."""

    def broke_off(self) -> None:
        """The two were parted by force. Also after ``heard_all``, and more than once."""


class Splice:
    """Joins ``left`` and ``right``, connected and non-blocking, from now on; ``tee`` listens.

    With ``mute``, what ``right`` says is read and thrown away.

    Closes: both, when both directions have ended, or at once, by RST, when either fails;
    ``on_end`` is called after that.
    """

    __slots__ = ("_ended", "_halves", "_on_end", "_tee")

    def __init__(
        self,
        loop: Loop,
        left: socket.socket,
        right: socket.socket,
        on_end: "Callable[[Splice], object]",
        tee: Tee | None = None,
        *,
        mute: bool = False,
    ) -> None:
        for sock in (left, right):
            loop.remove_writer(sock.fileno())
        self._on_end = on_end
        self._ended = False
        self._tee = tee
        back = _Mute if mute else _Half
        self._halves = _Half(self, loop, left, right, tee), back(self, loop, right, left)
        for half in self._halves:
            half.read()

    def check(self) -> None:
        """Notice a reset after an end of file, which no read would find any more."""
        if not self._ended and any(half.gone for half in self._halves):
            self.reset()

    def half_ended(self) -> None:
        """One direction has ended in order."""
        if all(half.over for half in self._halves):
            self._end(reset=False)

    def reset(self) -> None:
        """End both directions at once, by RST. Idempotent."""
        if not self._ended:
            self._end(reset=True)

    def _end(self, *, reset: bool) -> None:
        self._ended = True
        for half in self._halves:
            half.close(reset=reset)
        if reset and self._tee is not None:
            self._tee.broke_off()
        self._on_end(self)


class _Half:
    """One direction. What the far socket does not take of one read is kept, and only that."""

    __slots__ = ("_from", "_loop", "_rest", "_splice", "_tee", "_to", "over")

    def __init__(
        self,
        splice: Splice,
        loop: Loop,
        source: socket.socket,
        sink: socket.socket,
        tee: Tee | None = None,
    ) -> None:
        self._tee = tee
        self._splice = splice
        self._loop = loop
        self._from = source
        self._to = sink
        self._rest = b""
        self.over = False

    @property
    def gone(self) -> bool:
        """It has said that it ends, and was reset after that."""
        return self.over and is_reset(self._from)

    def broke(self) -> None:
        """See ``watches.Breakable``."""
        self._splice.reset()

    def read(self) -> None:
        self._loop.add_reader(self._from.fileno(), self._readable)

    def close(self, *, reset: bool) -> None:
        """Close the socket that this half reads."""
        self._loop.remove_reader(self._from.fileno())
        self._loop.remove_writer(self._from.fileno())
        if reset:
            reset_on_close(self._from)
        self._from.close()

    def _readable(self) -> None:
        try:
            size = self._from.recv_into(_BUFFER)
            if size:
                if self._tee is not None:
                    self._tee.heard(_BUFFER[:size])
                self._pass(_BUFFER[:size])
            else:
                self._eof()
        except AGAIN:
            return
        except OSError:
            self._splice.reset()

    def _pass(self, data: memoryview) -> None:
        try:
            sent = self._to.send(data)
        except AGAIN:
            sent = 0
        if sent < len(data):
            self._rest = bytes(data[sent:])
            self._loop.remove_reader(self._from.fileno())
            self._loop.add_writer(self._to.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            self._rest = self._rest[self._to.send(self._rest) :]
        except AGAIN:
            return
        except OSError:
            self._splice.reset()
            return
        if not self._rest:
            self._loop.remove_writer(self._to.fileno())
            self.read()

    def _eof(self) -> None:
        self._loop.remove_reader(self._from.fileno())
        self.over = True
        if self._tee is not None:
            self._tee.heard_all()
        self._shut()
        self._splice.half_ended()

    def _shut(self) -> None:
        """Pass the end on."""
        self._to.shutdown(socket.SHUT_WR)


class _Mute(_Half):
    """One that nobody hears."""

    __slots__ = ()

    def _pass(self, data: memoryview) -> None:
        """See _Half."""

    def _shut(self) -> None:
        """See _Half."""


def muted(loop: Loop, target: socket.socket) -> tuple[socket.socket, Splice]:
    """A socket that leads to ``target``, which may answer what it likes: nothing comes back but
    its end; and what joins them, for who wants to end it by force, since a socket of a pair can't
    tell an end from a reset. Closes: ``target``, with the socket."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    return ours, Splice(loop, theirs, target, lambda _: None, mute=True)
