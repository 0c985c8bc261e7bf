"""What the laptop's network looks like before, and while, we change it. Pure."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Literal, Self

from ktconnect.networks import Address, Network

ResolverKind = Literal["systemd-resolved", "resolv.conf"]

# A wider route is a default in disguise: VPNs split "everything" into halves and eighths.
SHORTEST_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Route:
    """One network that the laptop reaches by an interface; ``interface`` is "" if it has none."""

    network: Network
    interface: str

    @property
    def is_default(self) -> bool:
        return self.network.prefixlen < SHORTEST_PREFIX


@dataclass(frozen=True, slots=True)
class Resolver:
    """Who answers names now: the servers (addresses, best first) and the search list."""

    kind: ResolverKind
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "nameservers": self.nameservers, "search": self.search}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        return cls(fields["kind"], tuple(fields["nameservers"]), tuple(fields["search"]))


@dataclass(frozen=True, slots=True)
class LaptopNetworks:
    """Interfaces, addresses and routes of the laptop, and its resolver; ``ipv6``: is it on."""

    interfaces: tuple[str, ...]
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    resolver: Resolver
    ipv6: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "interfaces": self.interfaces,
            "addresses": [str(address) for address in self.addresses],
            "routes": [[str(route.network), route.interface] for route in self.routes],
            "resolver": self.resolver.to_json(),
            "ipv6": self.ipv6,
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        return cls(
            interfaces=tuple(fields["interfaces"]),
            addresses=tuple(ip_address(text) for text in fields["addresses"]),
            routes=tuple(Route(ip_network(text), via) for text, via in fields["routes"]),
            resolver=Resolver.from_json(fields["resolver"]),
            ipv6=fields["ipv6"],
        )
