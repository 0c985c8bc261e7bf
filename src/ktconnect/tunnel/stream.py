"""A local stream socket joined to one stream of a link.

Without a socket yet (the dialling side while it connects) a stream keeps what arrives, at most a
window. No task and no queue of its own: what the link can't take stays in the local socket, what
the local socket can't take is never more than the credit given.
"""

import socket
from typing import TYPE_CHECKING

from ktconnect.errors import ProtocolError
from ktconnect.wire.reasons import Reason
from ktconnect.wire.stream import CAN_RECEIVE, CAN_SEND, State, Step, advance
from ktconnect.wire.window import ReceiveWindow, SendWindow

from .backlog import Backlog
from .link import Link
from .member import ORDERLY, End, OnEnd, Side
from .outbox import CHUNK
from .socketpipe import AGAIN
from .tuning import reset_on_close

if TYPE_CHECKING:
    from .loop import Callback


class Stream:
    """Implements ``member.Member`` and ``outbox.Sender``. Closes: the socket, always."""

    __slots__ = (
        "_backlog", "_ended", "_fd", "_link", "_looks", "_number", "_outbox", "_parked",
        "_reading", "_receiving", "_sending", "_sock", "_state", "_writing", "bulky", "on_end",
        "on_opened",
    )  # fmt: skip

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._outbox = link.outbox
        self._number = number
        self._sock: socket.socket | None = None
        self._fd = -1
        self._state = State.OPEN
        self._sending = SendWindow()
        self._receiving = ReceiveWindow(link.budget)
        self._backlog: Backlog | None = None
        self._reading = self._writing = self._parked = False
        self._ended = self._looks = False
        self.bulky = False
        self.on_end: OnEnd | None = None
        """Called once, when the stream has ended; its socket, if any, is closed by then."""
        self.on_opened: Callback | None = None
        """Called when the target of a stream that we opened has accepted."""
        link.add(number, self)

    def attach(self, sock: socket.socket, *, watched: bool = False, spoken: bool = False) -> None:
        """Join ``sock``, which is connected and tuned, from now on.

        ``watched``: it was dialled, and the loop may watch it for writing already; that is taken
        over. ``spoken``: it has probably something to read, so look before asking the loop.
        """
        self._sock = sock
        self._fd = sock.fileno()
        self._looks = watched
        if spoken:
            self._readable()
        else:
            self._read()
        if self._sock is None:
            return
        if self._backlog is not None:
            self._want_to_write()
            self._writable()
        elif watched:
            self._stop_writing()
        else:
            self._finish_writing()

    @property
    def received(self) -> int:
        """Bytes of the peer so far."""
        return self._receiving.total

    @property
    def sent(self) -> int:
        """Bytes sent to the peer so far."""
        return self._sending.total

    def abort(self, errno: int) -> None:
        """End it now, both ways, telling the peer and the local side."""
        if not self._ended:
            self._link.refuse(self._number, errno)
            self._end(End(Side.HERE, errno))

    def broke(self) -> None:
        """See ``watches.Breakable``."""
        self.abort(Reason.ECONNABORTED)

    # -- from the local socket to the link

    def pump(self) -> bool:
        """See ``outbox.Sender``."""
        self._parked = False
        sock = self._sock
        if sock is None or self._state not in CAN_SEND:
            return False
        room = min(self._sending.credit, CHUNK)
        if room <= 0:
            self._pause()
            return False
        try:
            size = sock.recv_into(self._outbox.payload, room)
        except AGAIN:
            self._read()
            return False
        except OSError as error:
            self.abort(error.errno or Reason.ECONNRESET)
            return False
        return self._send(sock, size, room)

    def _send(self, sock: socket.socket, size: int, room: int) -> bool:
        if not size:
            self._link.send_eof(self._number, soon=self._state is State.GOT_EOF)
            self._end_of_file()
            return False
        if size < room:
            self._send_little(sock, size, room)
            return False
        self.bulky = True
        self._sending.credit -= size
        self._outbox.send_payload(self._number, size)
        return True

    def _send_little(self, sock: socket.socket, size: int, room: int) -> None:
        """What is left in the socket. A target's first answer is often its last: EOF goes along."""
        self.bulky = False
        more = -1
        if self._looks:
            self._looks = False
            more = self._look(sock, size, room)
            size += max(more, 0)
        self._sending.credit -= size
        if more:
            self._outbox.send_payload(self._number, size)
            self._read()
        else:
            self._outbox.send_last_payload(self._number, size)
            self._end_of_file()

    def _look(self, sock: socket.socket, size: int, room: int) -> int:
        """Read on behind ``size`` bytes: how much there was, 0 at EOF, -1 if there is nothing."""
        try:
            return sock.recv_into(self._outbox.payload[size:room])
        except OSError:  # a real error is found by the next read
            return -1

    def granted(self, credit: int) -> None:
        """See ``member.Member``."""
        if self._sending.grant(credit) and not self._parked:
            self._read()

    def _readable(self) -> None:
        if self._outbox.blocked:
            self._pause()
            if not self._parked:
                self._parked = True
                self._outbox.park(self)
        else:
            self.pump()

    def _end_of_file(self) -> None:
        self._pause()
        self._state = advance(self._state, Step.SEND_EOF)
        self._close_if_done()

    def _read(self) -> None:
        if not self._reading and self._sock is not None and self._state in CAN_SEND:
            self._reading = True
            self._link.loop.add_reader(self._fd, self._readable)

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._link.loop.remove_reader(self._fd)

    # -- from the link to the local socket

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

    def datagram(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"a datagram of {len(payload)} bytes on stream {self._number}")

    def reset(self, errno: int) -> None:
        """See ``member.Member``."""
        if not self._ended:
            self._end(End(Side.LINK if self._link.closed else Side.THERE, errno))

    def opened(self) -> None:
        """See ``member.Member``."""
        on_opened, self.on_opened = self.on_opened, None
        if on_opened is not None:
            on_opened()

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
