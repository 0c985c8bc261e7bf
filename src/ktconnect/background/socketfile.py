"""Unix sockets whose path may be longer than a socket address (108 bytes, unix(7))."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def bound(path: Path) -> socket.socket:
    """A listening socket at ``path``, for its owner alone; one that is there already is replaced.

    Raises: OSError. Closes: nothing; the file stays until it is removed.
    """
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as address:
            sock.bind(address)
        sock.listen()
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def connected(path: Path) -> socket.socket:
    """A socket that is connected to who listens at ``path``. Raises: OSError.

    Non-blocking: a listener whose queue is full doesn't hold us up.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        with _short(path) as address:
            sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The same file by a path that is short enough, by way of its open directory."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
