"""A pipe that is one connected stream socket."""

import socket
from typing import Final

from .loop import Loop
from .pipe import PipeEvents
from .tuning import tune_pipe

READ_SIZE: Final = 256 * 1024
AGAIN: Final = (BlockingIOError, InterruptedError)


class SocketPipe:
    """See ``pipe.Pipe``. Owns ``sock`` and closes it.

    What the kernel does not take of one ``send`` is kept, and only that.
    """

    __slots__ = ("_buffer", "_closed", "_events", "_fd", "_loop", "_rest", "_sock", "_view")

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        tune_pipe(sock)
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._view = memoryview(bytearray(READ_SIZE))
        self._rest = b""
        self._closed = False
        self._events: PipeEvents

    def start(self, events: PipeEvents) -> None:
        """See ``pipe.Pipe``."""
        self._events = events
        self._loop.add_reader(self._fd, self._readable)

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        """See ``pipe.Pipe``."""
        if self._closed:
            return False
        view = memoryview(buffer)[start:end]
        try:
            sent = self._sock.send(view)
        except AGAIN:
            sent = 0
        except OSError as error:
            self._fail_soon(error)
            return False
        if sent == end - start:
            return True
        self._rest = bytes(view[sent:])
        self._loop.add_writer(self._fd, self._writable)
        return False

    def close(self) -> None:
        """See ``pipe.Pipe``."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._sock.close()

    def broke(self) -> None:
        """See ``watches.Breakable``."""
        self._lose("a defect at this end")

    def _readable(self) -> None:
        try:
            size = self._sock.recv_into(self._view)
        except AGAIN:
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if size:
            self._events.data_received(self._view[:size])
        else:
            self._lose("closed by the other side")

    def _writable(self) -> None:
        try:
            self._rest = self._rest[self._sock.send(self._rest) :]
        except AGAIN:
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if not self._rest:
            self._loop.remove_writer(self._fd)
            self._events.resume_writing()

    def _fail_soon(self, error: OSError) -> None:
        """The sender is in the middle of something: tell it in the next round."""
        reason = error.strerror or str(error)
        self._loop.call_soon(lambda: self._lose(reason))

    def _lose(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._events.pipe_lost(reason)
