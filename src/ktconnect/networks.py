"""Addresses and networks of both families, and their exact differences and unions. Pure.

Their own room, since whoever reads ranges off the cluster and whoever sets routes count alike.
"""

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def within(inner: Network, outer: Network) -> bool:
    """Whether every address of ``inner`` is one of ``outer``."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def host_network(address: Address) -> Network:
    """The network of just this address."""
    return ip_network(address)


def collapse(networks: Iterable[Network]) -> tuple[Network, ...]:
    """The fewest networks that hold the same addresses; IPv4 first, in order."""
    given = tuple(networks)
    v4 = collapse_addresses(n for n in given if isinstance(n, IPv4Network))
    v6 = collapse_addresses(n for n in given if isinstance(n, IPv6Network))
    return (*v4, *v6)


def subtract(networks: Iterable[Network], holes: Iterable[Network]) -> tuple[Network, ...]:
    """The fewest networks that hold ``networks`` but no address of ``holes``."""
    rest = collapse(networks)
    for hole in collapse(holes):
        rest = tuple(piece for network in rest for piece in _without(network, hole))
    return collapse(rest)


def _without(network: Network, hole: Network) -> Iterator[Network]:
    if within(network, hole):
        return
    if not within(hole, network):
        yield network
        return
    if isinstance(network, IPv4Network) and isinstance(hole, IPv4Network):
        yield from network.address_exclude(hole)
    if isinstance(network, IPv6Network) and isinstance(hole, IPv6Network):
        yield from network.address_exclude(hole)
