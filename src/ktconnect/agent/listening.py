"""The sockets that callers come to, on every address of the Pod."""

import socket
from typing import Final

from ktconnect.wire.spec import Listen

_KINDS: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def bound(listen: Listen) -> socket.socket:
    """A non-blocking socket for both families, where there are both.

    Raises: OSError if the port is taken.
    """
    kind = socket.SOCK_NONBLOCK | _KINDS[listen.protocol]
    try:
        sock = socket.socket(socket.AF_INET6, kind)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    except OSError:  # a kernel without IPv6
        sock = socket.socket(socket.AF_INET, kind)
    try:
        _bind(sock, listen)
    except OSError:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, listen: Listen) -> None:
    if listen.protocol == "tcp":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # inherited by what is accepted: a caller whose node is lost is noticed in the end
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.bind(("", listen.port))


def caller_of(address: tuple[object, ...]) -> tuple[str, int]:
    """Address and port of a caller; IPv4 as such, also from a socket for both families."""
    host, port = str(address[0]), int(str(address[1]))
    return host.removeprefix("::ffff:") if "." in host else host.partition("%")[0], port
