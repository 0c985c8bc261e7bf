"""Socket options and limits that make a relay fast. What the system refuses is done without."""

import resource
import socket
import struct
from contextlib import suppress
from typing import Final

NOTSENT_LOWAT: Final = 128 * 1024
_TCP_NOTSENT_LOWAT: Final = 25
_TCP_CLOSE: Final = 7
"""The state of a connection that its peer has reset (``tcpi_state``, linux/tcp_states.h)."""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


def tune_stream(sock: socket.socket) -> None:
    """For a local socket of a stream: small writes leave at once."""
    _set(sock, socket.TCP_NODELAY, 1)


def tune_pipe(sock: socket.socket) -> None:
    """For the TCP socket under a pipe.

    The kernel keeps little of what it has not sent yet, so small frames overtake bulk. Buffer
    sizes are left alone: setting them would switch their auto-tuning off. BBR, where the system
    allows it, keeps a lossy line fast; on loopback its pacing would only cost.
    """
    sock.setblocking(False)
    tune_stream(sock)
    _set(sock, _TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)
    if not _is_loopback(sock):
        _set(sock, getattr(socket, "TCP_CONGESTION", 13), b"bbr")


def reset_on_close(sock: socket.socket) -> None:
    """Make ``close`` send RST instead of FIN: the peer hears an error, not an end of file."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def is_reset(sock: socket.socket) -> bool:
    """The peer of a TCP socket has reset it; found without reading."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE
    except OSError:  # a unix socket
        return False


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one; the limit that now holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def _set(sock: socket.socket, option: int, value: int | bytes) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError:  # no TCP (a unix socket), or not allowed (EPERM), or not there (ENOENT)
        pass


def _is_loopback(sock: socket.socket) -> bool:
    try:
        host = str(sock.getpeername()[0])
    except (OSError, IndexError):
        return True
    return host.startswith(("127.", "::ffff:127.")) or host in ("::1", "")
