"""The answering of names while connected: whom to ask, and what is known of the cluster."""

import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ktconnect.dns.order import CLUSTER, UPSTREAM, Order
from ktconnect.dns.resolver import Limits
from ktconnect.dns.server import DnsServer
from ktconnect.dns.upstream import Endpoint, UpstreamAsk
from ktconnect.dns.zone import Zone
from ktconnect.host.laptop import Resolver
from ktconnect.tunnel.status import TunnelState

if TYPE_CHECKING:
    from ktconnect.dns.ask import Ask

log = logging.getLogger(__name__)
DNS_PORT = 53


class ClusterNames(Protocol):
    """Asks the cluster's DNS server (dns.cluster.ClusterAsk)."""

    available: bool

    async def __call__(self, query: bytes, *, tcp: bool = False) -> bytes: ...


class Naming:
    """One DNS server after another over the life of a session: each root helper brings sockets.

    ``zone`` may be replaced at any time.
    """

    def __init__(self, cluster: ClusterNames, zone: Zone, order: Order, cache_ttl: float) -> None:
        self._cluster = cluster
        self._zone = zone
        self._order = order
        self._resolver = Resolver("resolv.conf")
        self._own: tuple[Endpoint, ...] = ()
        self._asks: dict[str, Ask] = {CLUSTER: cluster}
        self._limits = Limits(cache_ttl=cache_ttl)
        self._server: DnsServer | None = None

    @property
    def zone(self) -> Zone:
        return self._zone

    @zone.setter
    def zone(self, zone: Zone) -> None:
        self._zone = zone
        if self._server is not None:
            self._server.zone = zone

    def ask_upstream(self, resolver: Resolver) -> None:
        """Who answered before us: asked for all that is not the cluster's."""
        log.debug("names of others are asked of %s", ", ".join(resolver.nameservers) or "nobody")
        self._resolver = resolver
        self._ask_others()

    def _ask_others(self) -> None:
        """Everybody but the cluster; and never ourselves, whatever a stale resolv.conf says."""
        upstream = [(host, DNS_PORT) for host in self._resolver.nameservers]
        self._asks[UPSTREAM] = UpstreamAsk(upstream, own=self._own)
        for server in self._order.servers:
            if server.addresses:
                self._asks[server.key] = UpstreamAsk(
                    server.addresses, protocol=server.protocol, own=self._own
                )

    def tunnel_is(self, state: TunnelState) -> None:
        """While there is no way to the cluster, its names fail at once instead of after seconds."""
        self._cluster.available = state in (TunnelState.UP, TunnelState.STALLED)

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Answer on these until cancelled. Closes: the sockets."""
        self._own = tuple(sock.getsockname()[:2] for sock in sockets)
        self._ask_others()
        udp = [sock for sock in sockets if sock.type == socket.SOCK_DGRAM]
        tcp = [sock for sock in sockets if sock.type == socket.SOCK_STREAM]
        self._server = DnsServer(udp, tcp, self._asks, self._zone, self._limits)
        await self._server.run()
