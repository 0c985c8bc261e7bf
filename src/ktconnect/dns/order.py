"""``--dnsMode localDNS:<order>``: which DNS servers are asked, one after the other.

Items, separated by commas: ``cluster``; ``[tcp:|udp:]upstream[:port]``, who answered before
ktctl came; ``[tcp:|udp:]address[:port]``, IPv6 addresses in brackets where a port follows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from ktconnect.errors import UsageError

Protocol = Literal["udp", "tcp"]
CLUSTER = "cluster"
UPSTREAM = "upstream"
DNS_PORT = 53
_ITEM = re.compile(
    r"(?:(?P<protocol>tcp|udp):)?"
    r"(?:\[(?P<bracketed>[^]]*)\]|(?P<six>[0-9a-f]*:[0-9a-f:.]*:[0-9a-f.]*)|(?P<host>[^:\[\]]+))"
    r"(?::(?P<port>\d{1,5}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Server:
    """One server of an order: the cluster's (no addresses), or any of some addresses in turn."""

    protocol: Protocol
    addresses: tuple[tuple[str, int], ...]

    @property
    def key(self) -> str:
        """``cluster``, or like ``udp:1.2.3.4:53`` (several joined by ``|``)."""
        shown = (f"{self.protocol}:{_host(host)}:{port}" for host, port in self.addresses)
        return "|".join(shown) or CLUSTER


@dataclass(frozen=True, slots=True)
class Order:
    """The servers in turn, and the items that mean none: worth a warning."""

    servers: tuple[Server, ...]
    skipped: tuple[str, ...]


def parse_order(text: str, upstream: Sequence[str]) -> Order:
    """Read an order; ``upstream``: addresses of the servers that answered before ktctl came.

    Raises: UsageError if no item of it names a server.
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    parsed = [(item, _server(item, upstream)) for item in items]
    servers = tuple(server for _, server in parsed if server)
    if not servers:
        raise UsageError(
            f"no DNS server in the order {text!r}",
            hint="write e.g. --dnsMode localDNS:cluster,upstream or localDNS:cluster,tcp:1.2.3.4",
        )
    return Order(servers, tuple(item for item, server in parsed if not server))


def _server(item: str, upstream: Sequence[str]) -> Server | None:
    if item.lower() == CLUSTER:
        return Server("tcp", ())
    found = _ITEM.fullmatch(item)
    if not found:
        return None
    protocol: Protocol = "tcp" if (found["protocol"] or "").lower() == "tcp" else "udp"
    host = found["bracketed"] or found["six"] or found["host"] or ""
    hosts = tuple(upstream) if host.lower() == UPSTREAM else (host,)
    port = int(found["port"] or DNS_PORT)
    if not hosts or not 0 < port < 65536 or not all(map(_is_address, hosts)):
        return None
    return Server(protocol, tuple((host, port) for host in hosts))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
