"""The listener that captured TCP ends at: who wanted to go where, for the tunnel to join.

nftables' redirect keeps the address a program meant; Linux tells it by SO_ORIGINAL_DST.
"""

import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ktconnect.tunnel.listen import Acceptor, Address
from ktconnect.wire.target import Target

# linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h; both are 80
SO_ORIGINAL_DST = 80

OnConnection = Callable[[socket.socket, Target], None]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Open listeners; ``ports`` are those for IPv4 and IPv6, 0 where there is no such family."""

    ports: tuple[int, int]


@asynccontextmanager
async def open_redirect(
    on_connection: OnConnection, *, forwarded: bool = False
) -> AsyncIterator[Redirect]:
    """Listen on free ports of loopback; on all addresses if ``forwarded`` traffic comes too.

    ``on_connection`` owns each socket it is given, which is non-blocking. Closes: the listeners.
    """

    def hand_over(sock: socket.socket, _: Address) -> None:
        target = original_destination(sock, ports[sock.family])
        if target is None:
            refuse(sock)
        else:
            on_connection(sock, target)

    sockets = _bound(forwarded)
    ports = {sock.family: sock.getsockname()[1] for sock in sockets}
    acceptors = [Acceptor(sock, hand_over) for sock in sockets]
    try:
        yield Redirect((ports[socket.AF_INET], ports.get(socket.AF_INET6, 0)))
    finally:
        for acceptor in acceptors:
            acceptor.close()


def original_destination(sock: socket.socket, here: int) -> Target | None:
    """Where the caller meant to go; None if it meant the listener itself, on port ``here``."""
    try:
        if sock.family == socket.AF_INET:
            raw = sock.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
            host = socket.inet_ntop(socket.AF_INET, raw[4:8])
        else:
            raw = sock.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
            host = socket.inet_ntop(socket.AF_INET6, raw[8:24])
        (port,) = struct.unpack_from("!H", raw, 2)
        if port == here and host == sock.getsockname()[0]:
            return None
    except OSError:  # not redirected at all, or gone again
        return None
    return Target("tcp", host, port)


def refuse(sock: socket.socket) -> None:
    """Close with a reset, as a closed port would."""
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _bound(forwarded: bool) -> list[socket.socket]:
    v4, v6 = ("0.0.0.0", "::") if forwarded else ("127.0.0.1", "::1")
    found = [_bind(socket.AF_INET, v4)]
    try:
        found.append(_bind(socket.AF_INET6, v6))
    except OSError:
        pass  # this machine has no IPv6; there are no routes for it either then
    return found


def _bind(family: socket.AddressFamily, host: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, 0))
    except OSError:
        sock.close()
        raise
    return sock
