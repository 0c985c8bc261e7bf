"""Ports of this machine that programs connect to: the same number on several addresses."""

import errno
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, Literal

from ktconnect.errors import HostError
from ktconnect.tunnel.listen import BACKLOG

LOOPBACK: Final = ("127.0.0.1", "::1")
TRIES: Final = 20
"""How many free ports are tried for one that is free on all addresses."""

Protocol = Literal["tcp", "udp"]

_NO_FAMILY: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def bind_all(addresses: Sequence[str], protocol: Protocol, port: int) -> list[socket.socket]:
    """Sockets on ``port`` of every address, for TCP listening ones; 0 takes one that is free.

    An IPv6 address is left out where this machine has none. Raises: HostError naming what is in
    the way. Closes: nothing on success, all else.
    """
    for _ in range(TRIES):
        try:
            return _bind_all(addresses, protocol, port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise _refused(error, protocol, port) from None
    raise HostError(f"no port is free on all of {', '.join(addresses)}", hint="name one")


def port_of(sockets: Sequence[socket.socket]) -> int:
    """The port that they share."""
    return int(sockets[0].getsockname()[1])


def _bind_all(addresses: Sequence[str], protocol: Protocol, port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for address in addresses:
            sock = _bind(address, protocol, port)
            if sock is not None:
                bound.append(sock)
                port = port_of(bound)
    except OSError:
        for sock in bound:
            sock.close()
        raise
    if not bound:
        raise OSError(errno.EADDRNOTAVAIL, "this machine has no such address", addresses[0])
    return bound


def _bind(address: str, protocol: Protocol, port: int) -> socket.socket | None:
    """None for an IPv6 address on a machine without IPv6."""
    version = ip_address(address).version
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    try:
        sock = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, kind)
    except OSError:
        if version == 6:
            return None
        raise
    try:
        if protocol == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        if protocol == "tcp":  # only who listens keeps others out, and callers wait from now on
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if version == 6 and error.errno in _NO_FAMILY and ip_address(address).is_loopback:
            return None
        raise OSError(error.errno, error.strerror, address) from None
    sock.setblocking(False)
    return sock


def _refused(error: OSError, protocol: Protocol, port: int) -> HostError:
    where = f"port {port}/{protocol} of {error.filename}"
    if error.errno == errno.EADDRINUSE:
        option = "-lntp" if protocol == "tcp" else "-lnup"
        return HostError(
            f"{where} is taken by another program",
            hint=f"`ss {option} sport = :{port}` shows it; use another, or none for a free one: "
            f"LOCAL:REMOTE, :REMOTE",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return HostError(
            f"{where} needs root", hint=f"use another one, such as {port + 8000}:{port}"
        )
    return HostError(
        f"{where} can't be listened on: {error.strerror}",
        hint="--address takes addresses of this machine",
    )
