"""What the user asked for, as frozen values: parsed and checked once, at the door.

Every ``parse`` here raises UsageError with the flag's name, before anything is created.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal

from ktconnect import names
from ktconnect.dns.order import parse_order
from ktconnect.errors import UsageError
from ktconnect.host.plan import NEVER
from ktconnect.networks import Network, subtract
from ktconnect.objects.agent import AgentPod

DnsKind = Literal["localDNS", "podDNS", "hosts", "none"]

# RFC 1123 label; Kubernetes, "Object Names and IDs".
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DOMAIN = re.compile(
    r"[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*"
)
LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

ANY_UPSTREAM = "127.0.0.1"
"""Stands for the servers that answered before us, which are not known yet."""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """The flags that every command shares."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""  # empty: the context's own
    agent: AgentPod = field(default_factory=AgentPod)
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    port_forward_timeout: float = 10.0
    pod_creation_timeout: float = 60.0
    use_local_time: bool = False
    ip_version: int = 0  # 0: both


@dataclass(frozen=True, slots=True)
class DnsSpec:
    """``--dnsMode``: who answers names, and for ``hosts`` the namespaces that are written down."""

    kind: DnsKind = "localDNS"
    order: str = ""
    namespaces: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "DnsSpec":
        """``localDNS[:order]``, ``hosts[:ns,…]``, ``podDNS`` or ``none``."""
        kind, _, rest = text.partition(":")
        items = tuple(item.strip() for item in rest.split(",") if item.strip())
        match kind.lower():
            case "localdns":
                if items:
                    parse_order(rest, (ANY_UPSTREAM,))
                return cls("localDNS", order=",".join(items))
            case "hosts":
                return cls("hosts", namespaces=tuple(map(parse_namespace, items)))
            case "poddns" if not items:
                return cls("podDNS")
            case "none" if not items:
                return cls("none")
        raise UsageError(
            f"--dnsMode: {text!r} is not a mode",
            hint="use localDNS, localDNS:<order>, hosts, hosts:<namespace,…>, podDNS or none",
        )


@dataclass(frozen=True, slots=True)
class ConnectSpec:
    """One ``ktctl connect``."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    dns: DnsSpec = field(default_factory=DnsSpec)
    share_shadow: bool = False
    skip_cleanup: bool = False
    cluster_domain: str = names.CLUSTER_DOMAIN
    include: tuple[Network, ...] = ()
    exclude: tuple[Network, ...] = ()
    include_domains: tuple[str, ...] = ()
    ingress_ip: str = ""
    disable_pod_ip: bool = False
    disable_tun_device: bool = False
    disable_tun_route: bool = False
    forwarded: bool = False
    proxy_addr: str = "127.0.0.1"
    proxy_port: int = 2223
    dns_cache_ttl: int = 60
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.disable_tun_device and (self.forwarded or self.disable_tun_route):
            flag = "--forwarded" if self.forwarded else "--disableTunRoute"
            raise UsageError(
                f"--disableTunDevice and {flag} exclude each other",
                hint="without a TUN device there is nothing to route: drop one of them",
            )
        if not self.disable_tun_device and not ipaddress.ip_address(self.proxy_addr).is_loopback:
            raise UsageError(
                f"--proxyAddr {self.proxy_addr} needs --disableTunDevice",
                hint="a proxy that others can reach is opened only when it is asked for",
            )
        self._check_includes()

    def _check_includes(self) -> None:
        for network in self.include:
            if not subtract((network,), NEVER):
                raise UsageError(
                    f"--includeIps: {network} is never a cluster's",
                    hint="loopback, link-local, multicast and reserved addresses stay as they are",
                )
            if not subtract((network,), self.exclude):
                raise UsageError(
                    f"--includeIps {network} and --excludeIps exclude each other",
                    hint="what is excluded is not routed: drop one of them",
                )


def parse_namespace(text: str) -> str:
    """A namespace's name."""
    if text and LABEL.fullmatch(text) is None:
        raise UsageError(
            f"{text!r} can't be the name of a namespace",
            hint="names have lower-case letters, digits and '-' only, 63 at most",
        )
    return text


def parse_networks(text: str, flag: str) -> tuple[Network, ...]:
    """A comma list of CIDRs; a single address means just that address."""
    return tuple(_network(item.strip(), flag) for item in text.split(",") if item.strip())


def _network(text: str, flag: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(
            f"{flag}: {error}", hint="write ranges as 10.1.0.0/16 or fd00::/64, comma-separated"
        ) from None


def parse_domains(text: str, flag: str) -> tuple[str, ...]:
    """A comma list of DNS suffixes, without leading and trailing dots."""
    domains = tuple(item.strip().strip(".").lower() for item in text.split(",") if item.strip())
    for domain in domains:
        if DOMAIN.fullmatch(domain) is None or len(domain) > 253:
            raise UsageError(
                f"{flag}: {domain!r} can't be a DNS name", hint="for example corp.local"
            )
    return domains


def parse_address(text: str, flag: str) -> str:
    """One IP address."""
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise UsageError(
            f"{flag}: {text!r} is not an IP address", hint="for example 127.0.0.1"
        ) from None


def parse_pairs(text: str, flag: str, *, label: bool = True) -> tuple[tuple[str, str], ...]:
    """``k=v,k=v``; as labels, both sides must be what Kubernetes allows."""
    pairs = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = item.partition("=")
        allowed = LABEL_KEY.fullmatch(key) and (not label or LABEL_VALUE.fullmatch(value))
        if not equals or not allowed:
            raise UsageError(f"{flag}: {item!r} is not a pair", hint="write key=value,key=value")
        pairs.append((key, value))
    return tuple(pairs)
