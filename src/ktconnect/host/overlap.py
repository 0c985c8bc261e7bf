"""The cluster's ranges against the laptop's own: what can't be had is told at once. Pure."""

import re
from collections.abc import Collection, Iterable

from ktconnect.errors import HostError
from ktconnect.networks import Network, within

from .laptop import SHORTEST_PREFIX, LaptopNetworks, Route

TUN_NAME = re.compile(r"kt[0-9]{1,3}")


def check_sizes(announced: Iterable[Network]) -> None:
    """A cluster may not take most of the world: default routes would not count as overlaps.

    Raises: HostError naming the range.
    """
    for network in announced:
        if network.prefixlen < SHORTEST_PREFIX:
            raise HostError(
                f"the cluster announces {network} as its own, which can't be meant",
                hint=f"`--excludeIps {network} --includeIps RANGE` routes what you need of it",
            )


def check_overlaps(
    networks: Iterable[Network],
    laptop: LaptopNetworks,
    *,
    include: Collection[Network] = (),
) -> None:
    """Find the laptop's own networks in the way, before anything is touched.

    A range that the user included may be a part of one of them: they said who is to have it, and
    the kernel prefers the narrower route. Raises: HostError naming both ranges, the interface and
    the remedy.
    """
    theirs = [r for r in laptop.routes if not r.is_default and r.interface != "lo"]
    for network in networks:
        for route in theirs:
            if not _collide(network, route.network):
                continue
            narrower = within(network, route.network) and network != route.network
            if not (narrower and any(within(network, i) for i in include)):
                raise _overlap(network, route, narrower)


def _overlap(network: Network, route: Route, narrower: bool) -> HostError:
    shared = network if narrower else route.network
    give = f", `--includeIps {shared}` gives it to the cluster" if narrower else ""
    return HostError(
        f"the cluster's range {network} overlaps {route.network}, which this machine reaches by "
        f"{route.interface or 'a route of its own'}",
        hint=f"`--excludeIps {shared}` leaves it as it is{give}; or end {_behind(route.interface)}",
    )


def _behind(interface: str) -> str:
    """Whose an interface is, for a person."""
    if TUN_NAME.fullmatch(interface):
        return f"the other `ktctl connect` of this machine, which {interface} belongs to"
    return f"the VPN or network behind {interface or 'it'}"


def _collide(one: Network, other: Network) -> bool:
    return within(one, other) or within(other, one)
