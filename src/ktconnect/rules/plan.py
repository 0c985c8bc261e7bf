"""All that the router of one Service needs to know; from it alone its configuration is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Literal

from .model import Manifest, Match, Share
from .order import unusable

App = Literal["http", "grpc", "tls", "tcp", "udp", "unknown"]
"""What is spoken on a port, as far as the Service says: ``unknown`` if it does not."""

# "Application protocol" of the Service API, and what Istio and the Gateway API add to it
# (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/).
_HTTP: Final = ("http", "http2", "h2c", "ws", "kubernetes.io/h2c", "kubernetes.io/ws")
_GRPC: Final = ("grpc", "grpc-web")
_HTTP2: Final = ("http2", "h2c", "kubernetes.io/h2c", "grpc")
_TLS: Final = ("https", "tls", "wss", "hbone", "kubernetes.io/wss")
_TCP: Final = (
    *("tcp", "mongo", "mongodb", "mysql", "mariadb", "redis", "postgres", "postgresql", "mssql"),
    *("oracle", "amqp", "mqtt", "kafka", "nats", "stomp", "thrift", "dubbo", "ldap", "ssh", "ftp"),
    *("smtp", "imap", "pop3", "cassandra", "memcached", "zookeeper", "rtmp", "sip"),
)

# Where the server speaks first, or what is no HTTP: asked only if neither name nor appProtocol
# says anything. To wait for a client's first byte there would hold up both sides.
_TCP_PORTS: Final = (21, 22, 25, 110, 119, 143, 587, 3306, 5432, 5672, 6379, 9092, 27017)


@dataclass(frozen=True, slots=True)
class RoutedPort:
    """One port of the Service, and where the router listens for it.

    ``number`` and ``name``: of the Service's port. ``pod_port``: the router's Pods listen there,
    since the Service's target port leads there. ``uniform``: the origin's Pods have that number,
    too; False where its name stands for another number, or for several: only the cluster knows.
    ``http2``: it is declared that HTTP/2 is spoken there and nothing else need be.
    """

    number: int
    pod_port: int
    app: App = "unknown"
    name: str = ""
    uniform: bool = True
    http2: bool = False

    @property
    def protocol(self) -> Literal["tcp", "udp"]:
        """The transport below it."""
        return "udp" if self.app == "udp" else "tcp"

    @property
    def listen(self) -> tuple[str, int]:
        """Where callers come to in the router's Pods."""
        return self.protocol, self.pod_port


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One Service's router.

    ``ports``: all that it carries, in the Service's order. ``shares``: in any order.
    ``origin_address``: the cluster IP of the Service for the origin; its ports have the numbers
    of the Service's own. ``origin_host``: the DNS name that gives the addresses of the origin's
    ready Pods, one by one; "" if there is none. ``families``: of the Service, the first preferred;
    the router listens for all of them.
    """

    namespace: str
    service: str
    ports: tuple[RoutedPort, ...]
    shares: tuple[Share, ...]
    origin_address: str
    origin_host: str = ""
    families: tuple[str, ...] = ("IPv4",)

    @property
    def listened(self) -> tuple[RoutedPort, ...]:
        """The ports that the router listens on: of several of the Service that lead to the same
        one of its Pods, the first. There they can't be told apart."""
        first = {port.listen: port for port in reversed(self.ports)}
        return tuple(port for port in self.ports if first[port.listen] is port)

    def exposed(self, port: RoutedPort) -> tuple[Share, ...]:
        """The shares that mean a port (of `listened`) on which something can be told apart."""
        if port.app in ("tcp", "udp"):
            return ()
        by_name = port.app == "tls"
        return tuple(
            share
            for share in self.usable
            if self.number_of(share, port) and any(_sees_tls(m) == by_name for m in share.matches)
        )

    @property
    def routable(self) -> tuple[RoutedPort, ...]:
        """The ports (of `listened`) that may be HTTP."""
        return tuple(port for port in self.listened if port.app not in ("tls", "tcp", "udp"))

    @property
    def routed(self) -> tuple[RoutedPort, ...]:
        """The ports (of `routable`) where requests are told apart: somebody means them."""
        return tuple(port for port in self.routable if self.exposed(port))

    @property
    def usable(self) -> tuple[Share, ...]:
        """The shares that rules can be made of (`order.unusable`) and whose Service has a cluster
        IP; the oldest first."""
        reachable = (share for share in self.shares if _is_address(share.address))
        usable = (share for share in reachable if not unusable(share))
        return tuple(sorted(usable, key=lambda share: (share.since, share.service)))

    def number_of(self, share: Share, port: RoutedPort) -> int:
        """By which of its Service's ports a share takes what comes by ``port``; 0 if by none."""
        alike = (each.number for each in self.ports if each.listen == port.listen)
        return next((number for number in alike if number in share.ports), 0)


def routed_port(port: Manifest, pod_port: int, *, uniform: bool = True) -> RoutedPort:
    """A port as the Service's manifest has it, carried on the router's ``pod_port``."""
    return RoutedPort(
        number=int(port["port"]),
        pod_port=pod_port,
        app=app_of(port),
        name=str(port.get("name") or ""),
        uniform=uniform,
        http2=_said(port) in _HTTP2,
    )


def app_of(port: Mapping[str, Any]) -> App:
    """What is spoken there: by ``appProtocol``, else by the name (``http-admin``), else by a
    well-known number where the server speaks first."""
    if str(port.get("protocol") or "TCP").upper() == "UDP":
        return "udp"
    found = _app(_said(port))
    if found or port.get("appProtocol"):
        return found or "unknown"
    return "tcp" if int(port["port"]) in _TCP_PORTS else "unknown"


def _said(port: Mapping[str, Any]) -> str:
    """What is declared of it, in a word; "" where nothing is."""
    declared = str(port.get("appProtocol") or "").lower()
    name = str(port.get("name") or "").lower()
    return declared or ("grpc-web" if name.startswith("grpc-web") else name.partition("-")[0])


def _is_address(text: str) -> bool:
    """Not so of a headless Service's ``None``."""
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _sees_tls(match: Match) -> bool:
    """By the server's name: all that can be seen of TLS, and nothing that a request has."""
    return any(one.part == "sni" for one in match.conditions)


def _app(word: str) -> App | None:
    kinds: tuple[tuple[App, tuple[str, ...]], ...] = (
        ("http", _HTTP),
        ("grpc", _GRPC),
        ("tls", _TLS),
        ("tcp", _TCP),
    )
    return next((app for app, words in kinds if word in words), None)
