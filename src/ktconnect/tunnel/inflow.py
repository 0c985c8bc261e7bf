"""What arrives for a stream, on its way to the local socket; and how a stream ends.

Without a socket yet (the dialling side while it connects) it is kept, at most a window. What the
local socket does not take is never more than the credit given.
"""

import socket

from ktconnect.errors import ProtocolError
from ktconnect.wire.reasons import Reason
from ktconnect.wire.stream import CAN_RECEIVE, State, Step, advance
from ktconnect.wire.window import ReceiveWindow

from .backlog import Backlog
from .link import Link
from .member import ORDERLY, End, OnEnd, Side
from .socketpipe import AGAIN
from .tuning import reset_on_close


class Inflow:
    """The receiving half of a ``stream.Stream``, which sends. Closes: the socket, always."""

    __slots__ = (
        "_backlog", "_ended", "_fd", "_link", "_number", "_reading", "_receiving", "_sock",
        "_state", "_writing", "on_end",
    )  # fmt: skip

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number
        self._sock: socket.socket | None = None
        self._fd = -1
        self._state = State.OPEN
        self._receiving = ReceiveWindow(link.budget)
        self._backlog: Backlog | None = None
        self._reading = self._writing = self._ended = False
        self.on_end: OnEnd | None = None
        """Called once, when the stream has ended; its socket, if any, is closed by then."""

    def data(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        if self._state not in CAN_RECEIVE:
            raise ProtocolError(f"data on stream {self._number} that is {self._state.value}")
        size = len(payload)
        self._receiving.received(size)
        if self._backlog is not None or self._sock is None:
            self._hold(payload)
            return
        try:
            sent = self._sock.send(payload)
        except AGAIN:
            sent = 0
        except OSError as error:
            self.abort(error.errno or Reason.ECONNRESET)
            return
        if sent < size:
            self._hold(payload[sent:])
        if sent and not self._ended:
            self._accepted(sent, self._link.heard)

    def eof(self) -> None:
        """See ``member.Member``."""
        self._state = advance(self._state, Step.GET_EOF)
        self._finish_writing()

    def reset(self, errno: int) -> None:
        """See ``member.Member``."""
        if not self._ended:
            self._end(End(Side.LINK if self._link.closed else Side.THERE, errno))

    def _accepted(self, size: int, now: float) -> None:
        link = self._link
        credit = self._receiving.accepted(size, now, link.pings.shortest)
        if credit:
            link.grant(self._number, credit)

    def _hold(self, payload: memoryview) -> None:
        """Keep what the socket did not take."""
        if self._backlog is None:
            self._backlog = Backlog(self._link.budget)
        if not self._backlog.add(payload):
            self.abort(Reason.ENOBUFS)
        elif self._sock is not None:
            self._want_to_write()

    def _want_to_write(self) -> None:
        if not self._writing:
            self._writing = True
            self._link.loop.add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        backlog, sock = self._backlog, self._sock
        if backlog is None or sock is None:
            return
        try:
            sent = backlog.write(sock)
        except AGAIN:
            return
        except OSError as error:
            self.abort(error.errno or Reason.ECONNRESET)
            return
        if backlog.empty:
            self._stop_writing()
        if not self._ended:
            self._accepted(sent, self._link.loop.time())

    def _stop_writing(self) -> None:
        self._backlog = None
        self._writing = False
        self._link.loop.remove_writer(self._fd)
        self._finish_writing()

    def _finish_writing(self) -> None:
        """Pass the peer's EOF on, once everything before it is written."""
        if self._backlog is not None or self._sock is None or self._state in CAN_RECEIVE:
            return
        if self._state is State.CLOSED:
            self._end(ORDERLY)
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # the local side is gone already: its reset will be read
            pass

    # -- ends

    def abort(self, errno: int) -> None:
        """End it now, both ways, telling the peer and the local side."""
        if not self._ended:
            self._link.refuse(self._number, errno)
            self._end(End(Side.HERE, errno))

    def broke(self) -> None:
        """See ``watches.Breakable``."""
        self.abort(Reason.ECONNABORTED)

    def _close_if_done(self) -> None:
        if self._state is State.CLOSED and self._backlog is None:
            self._end(ORDERLY)

    def _end(self, end: End) -> None:
        self._ended = True
        self._state = State.CLOSED
        self._link.forget(self._number)
        self._receiving.close()
        if self._backlog is not None:
            self._backlog.close()
            self._backlog = None
        self._close_socket(reset=end is not ORDERLY)
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end(end)

    def _close_socket(self, *, reset: bool) -> None:
        if self._sock is None:
            return
        self._pause()
        if self._writing:
            self._link.loop.remove_writer(self._fd)
        if reset:
            reset_on_close(self._sock)
        self._sock.close()
        self._sock = None

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._link.loop.remove_reader(self._fd)
