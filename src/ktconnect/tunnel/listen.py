"""Accepts connections on a listening socket, as many as come."""

import errno
import socket
from collections.abc import Callable
from typing import Final

from .loop import Loop
from .socketpipe import AGAIN
from .tuning import tune_stream

BACKLOG: Final = 4096
PER_WAKE: Final = 64
PAUSE: Final = 0.1
"""Seconds without accepting after the system had no room for another socket."""

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Address = tuple[object, ...]
"""Of a peer, as ``socket.accept`` tells it."""

OnConnection = Callable[[socket.socket, Address], object]
OnFull = Callable[[str], object]


class Acceptor:
    """Calls ``on_connection`` with each accepted socket, non-blocking, tuned for a stream and the
    callee's to close, and its peer's address.

    While the system has no room for another socket (EMFILE …) it waits and tries again; ``on_full``
    hears of the first time. Closes: the listening socket, by ``close``.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_connection: OnConnection,
        *,
        loop: Loop | None = None,
        on_full: OnFull | None = None,
    ) -> None:
        """``sock`` is bound; without ``loop`` the running asyncio loop is used."""
        self._sock = sock
        self._on_connection = on_connection
        self._on_full = on_full
        self._loop = _running_loop() if loop is None else loop
        self._closed = False
        sock.setblocking(False)
        tune_stream(sock)  # what it accepts inherits it
        sock.listen(BACKLOG)
        self._resume()

    def close(self) -> None:
        """Stop listening. Idempotent."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._sock.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(PER_WAKE):
            if self._closed or not self._accept():
                return

    def _accept(self) -> bool:
        try:
            sock, address = self._sock.accept()
        except AGAIN:
            return False
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._pause(error)
                return False
            return True  # that one connection is gone already
        sock.setblocking(False)
        self._on_connection(sock, address)
        return True

    def _pause(self, error: OSError) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._loop.call_later(PAUSE, self._resume)
        if self._on_full is not None:
            on_full, self._on_full = self._on_full, None
            on_full(f"no more connections for now: {error.strerror}")


def _running_loop() -> Loop:
    from .nested import streams_loop  # it brings asyncio, which the agent does without

    return streams_loop()
