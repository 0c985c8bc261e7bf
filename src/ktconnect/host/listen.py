"""Sockets on port 53, which only root may bind, for the DNS server that runs as the user."""

import errno
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address

from ktconnect.errors import HostError

DNS_PORT = 53
# Not 127.0.0.1 or .53, where other resolvers are, so that ours needs nobody to give way.
LOOPBACK = tuple(IPv4Address("127.0.0.77") + n for n in range(50))


def open_dns_sockets(
    candidates: Iterable[IPv4Address] = LOOPBACK, port: int = DNS_PORT
) -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket on the first address where both are free.

    Raises: HostError if none is.
    """
    for address in candidates:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for sock in (udp, tcp):
                sock.bind((str(address), port))
            tcp.listen(128)
        except OSError as error:
            udp.close()
            tcp.close()
            if error.errno != errno.EADDRINUSE:
                raise HostError(
                    f"port {port} can't be opened: {error.strerror}", hint="use --dnsMode hosts"
                ) from None
        else:
            return udp, tcp
    raise HostError(
        f"another program answers names on port {port} of every address",
        hint=f"see which (`ss -lnp sport = :{port}`), or use --dnsMode hosts",
    )
