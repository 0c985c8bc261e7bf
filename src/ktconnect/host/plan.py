"""What the laptop's network is to look like while connected, as data. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from itertools import count
from typing import Any, Literal, Self, get_args

from ktconnect.errors import HostError
from ktconnect.networks import Address, Network, collapse, host_network, subtract

from .laptop import LaptopNetworks
from .overlap import TUN_NAME, check_overlaps, check_sizes

# What never is a cluster's, whatever it says: this host, link-local, multicast, reserved.
NEVER: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/127", "fe80::/10", "ff00::/8"),
    )
)

DnsMode = Literal["none", "systemd-resolved", "resolv.conf"]
MAX_NETWORKS = 10_000
MAX_HOSTS = 100_000
SESSION = re.compile(r"[a-z0-9]{1,24}")
DOMAIN = re.compile(r"~?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?|~\.")
HOSTS_LINE = re.compile(r"[0-9a-fA-F.:]+( [A-Za-z0-9_*.-]+)+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the cluster has and what the user says, before the laptop is looked at.

    ``ranges``: of Services and Pods. ``nodes`` and ``api_servers`` are addresses that stay
    outside: the nodes' unless the user includes them, the API servers' always, since the tunnel
    itself goes there.
    """

    ranges: tuple[Network, ...] = ()
    nodes: tuple[Address, ...] = ()
    api_servers: tuple[Address, ...] = ()
    include: tuple[Network, ...] = ()
    exclude: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class DnsPlan:
    """How names get to us.

    ``routed``: suffixes that systemd-resolved is to ask us for. ``search``: the search list to
    put before the laptop's own. ``hosts``: the lines of our block in /etc/hosts, None for none.
    """

    mode: DnsMode = "none"
    routed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class HostPlan:
    """The whole of it; ``redirect_ports`` are those of our IPv4 and IPv6 listener, 0 for none."""

    session: str
    tun: str
    addresses: tuple[Address, ...]
    networks: tuple[Network, ...]
    redirect_ports: tuple[int, int]
    forwarded: bool = False
    dns: DnsPlan = DnsPlan()

    @property
    def table(self) -> str:
        """The name of our nftables table."""
        return f"ktctl_{self.session}"

    def to_json(self) -> dict[str, Any]:
        return {
            "session": self.session,
            "tun": self.tun,
            "addresses": [str(address) for address in self.addresses],
            "networks": [str(network) for network in self.networks],
            "redirect_ports": self.redirect_ports,
            "forwarded": self.forwarded,
            "dns": {
                "mode": self.dns.mode,
                "routed": self.dns.routed,
                "search": self.dns.search,
                "hosts": self.dns.hosts,
            },
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Parse what an unprivileged process asks root to do; trust nothing.

        Raises: HostError if any part isn't what a plan of ours can hold.
        """
        try:
            plan = cls(
                session=_matching(SESSION, fields["session"]),
                tun=_matching(TUN_NAME, fields["tun"]),
                addresses=tuple(ip_address(text) for text in fields["addresses"]),
                networks=tuple(ip_network(text) for text in fields["networks"]),
                redirect_ports=_ports(*fields["redirect_ports"]),
                forwarded=bool(fields["forwarded"]),
                dns=_dns(fields["dns"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise HostError(f"not a plan for the laptop's network: {error!r}") from None
        _check(plan)
        return plan


def networks_of(wanted: Wanted, laptop: LaptopNetworks) -> tuple[Network, ...]:
    """The fewest networks that hold exactly the addresses which are to go to the cluster."""
    servers = (ip_address(server.partition("%")[0]) for server in laptop.resolver.nameservers)
    kept = map(host_network, (*wanted.nodes, *servers))
    chosen = (*subtract(wanted.ranges, kept), *wanted.include)
    never = (*wanted.exclude, *map(host_network, wanted.api_servers), *NEVER)
    family = (n for n in chosen if laptop.ipv6 or not isinstance(n, IPv6Network))
    return subtract(family, never)


def make_plan(
    wanted: Wanted,
    laptop: LaptopNetworks,
    *,
    session: str,
    redirect_ports: tuple[int, int],
    forwarded: bool = False,
    dns: DnsPlan | None = None,
) -> HostPlan:
    """Plan the laptop's network. Raises: HostError if a range is the laptop's own."""
    check_sizes(wanted.ranges)
    networks = networks_of(wanted, laptop)
    check_overlaps(networks, laptop, include=wanted.include)
    return HostPlan(
        session=session,
        tun=free_tun(laptop),
        addresses=free_addresses(laptop, networks),
        networks=networks,
        redirect_ports=redirect_ports,
        forwarded=forwarded,
        dns=dns or DnsPlan(),
    )


def free_tun(laptop: LaptopNetworks) -> str:
    """``kt0``, or the next that no interface is called."""
    return next(name for n in count() if (name := f"kt{n}") not in laptop.interfaces)


def free_addresses(laptop: LaptopNetworks, networks: Iterable[Network]) -> tuple[Address, ...]:
    """Addresses for our TUN that mean nothing to anyone: the ranges of RFC 2544 and RFC 5180.

    They are sources, too, and no ULA (RFC 4193) on purpose: a name with addresses of both families
    then leads to IPv4 first where the cluster's IPv6 is ULA (RFC 6724, rule 5, matching labels).
    What listens on IPv4 alone behind such a name would else be refused after the kernel here has
    accepted the connection, when no program tries the other address any more.
    """
    ranges = (*networks, *(r.network for r in laptop.routes if not r.is_default))
    taken = (*ranges, *map(host_network, laptop.addresses))
    v4 = (ip_address(f"198.{18 + n // 256}.{n % 256}.1") for n in range(512))
    v6 = (ip_address(f"2001:2:0:{n:x}::1") for n in range(512))
    families = (v4, v6) if laptop.ipv6 else (v4,)
    return tuple(_first_free(family, taken) for family in families)


def _first_free(candidates: Iterable[Address], taken: Collection[Network]) -> Address:
    for address in candidates:
        if not any(address in network for network in taken):
            return address
    raise HostError(
        "no address is free for the TUN device", hint="run with --disableTunDevice instead"
    )


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _ports(v4: Any, v6: Any) -> tuple[int, int]:
    if not all(type(port) is int and 0 <= port < 65536 for port in (v4, v6)):
        raise ValueError((v4, v6))
    return v4, v6


def _dns(fields: dict[str, Any]) -> DnsPlan:
    if fields["mode"] not in get_args(DnsMode):
        raise ValueError(fields["mode"])
    hosts = fields["hosts"]
    if hosts is not None:
        hosts = tuple(_matching(HOSTS_LINE, line) for line in hosts[:MAX_HOSTS])
    return DnsPlan(
        mode=fields["mode"],
        routed=tuple(_matching(DOMAIN, name) for name in fields["routed"]),
        search=tuple(_matching(DOMAIN, name) for name in fields["search"]),
        hosts=hosts,
    )


def _check(plan: HostPlan) -> None:
    """Refuse what no plan of ours holds, though it parses."""
    families = [isinstance(address, IPv6Address) for address in plan.addresses]
    if families not in ([False], [False, True]):
        raise HostError("a plan has one IPv4 address, and at most one IPv6 address")
    if len(plan.networks) > MAX_NETWORKS:
        raise HostError(f"{len(plan.networks)} networks are more than {MAX_NETWORKS}")
    if subtract(plan.networks, NEVER) != collapse(plan.networks):
        raise HostError("a plan never holds loopback, link-local, multicast or reserved networks")
