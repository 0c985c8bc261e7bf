"""A local stream socket joined to one stream of a link.

Without a socket yet (the dialling side while it connects) a stream keeps what arrives, at most a
window. No task and no queue of its own: what the link can't take stays in the local socket, what
the local socket can't take is never more than the credit given.
"""

import socket
from typing import TYPE_CHECKING

from ktconnect.errors import ProtocolError
from ktconnect.wire.reasons import Reason
from ktconnect.wire.stream import CAN_SEND, State, Step, advance
from ktconnect.wire.window import SendWindow

from .inflow import Inflow
from .link import Link
from .outbox import CHUNK
from .socketpipe import AGAIN

if TYPE_CHECKING:
    from .loop import Callback


class Stream(Inflow):
    """Implements ``member.Member`` and ``outbox.Sender``. Closes: the socket, always."""

    __slots__ = ("_looks", "_outbox", "_parked", "_sending", "bulky", "on_opened")

    def __init__(self, link: Link, number: int) -> None:
        super().__init__(link, number)
        self._outbox = link.outbox
        self._sending = SendWindow()
        self._looks = self._parked = False
        self.bulky = False
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

    def opened(self) -> None:
        """See ``member.Member``."""
        on_opened, self.on_opened = self.on_opened, None
        if on_opened is not None:
            on_opened()

    def datagram(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"a datagram of {len(payload)} bytes on stream {self._number}")

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
