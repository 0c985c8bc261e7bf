"""From addresses that were seen to ranges that can be routed. Pure; IPv4 and IPv6.

Only for clusters that don't tell their ranges: addresses that share a long prefix are taken to
come from one range, which is rounded to the sizes that clusters commonly use.
"""

import ipaddress
from collections.abc import Iterable

from ktconnect.networks import Address, Network, collapse

Ranges = tuple[Network, ...]

SIZES = {4: (24, 16), 6: (112, 64, 56, 48)}  # prefix lengths to round to, longest first


def addresses(texts: Iterable[object]) -> tuple[Address, ...]:
    """Those of the texts that are IP addresses ("None" and "" of headless Services are not)."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_address(str(text)))
        except ValueError:
            continue
    return tuple(found)


def networks(texts: Iterable[object]) -> Ranges:
    """Those of the texts that are CIDRs."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(str(text), strict=False))
        except ValueError:
            continue
    return tuple(found)


def guessed(seen: Iterable[Address | Network]) -> Ranges:
    """The ranges that the seen addresses probably come from; a single one stays alone."""
    ranges: list[Network] = []
    for item in seen:
        single = item if not isinstance(item, Address) else ipaddress.ip_network(item)
        for index, known in enumerate(ranges):
            joined = _joined(known, single)
            if joined is not None:
                ranges[index] = joined
                break
        else:
            ranges.append(single)
    return collapse(ranges)


def _joined(one: Network, other: Network) -> Network | None:
    """The common range of two, or None if they have too little in common."""
    if one.version != other.version:
        return None
    if one == other:
        return one
    common = min(_common_prefix(one, other), one.prefixlen, other.prefixlen)
    for size in SIZES[one.version]:
        if common >= size:
            return one.supernet(new_prefix=min(size, one.prefixlen))
    return None


def _common_prefix(one: Network, other: Network) -> int:
    differing = int(one.network_address) ^ int(other.network_address)
    return one.max_prefixlen - differing.bit_length()


def completed(known: Iterable[Network], seen: Iterable[Address]) -> Ranges:
    """What the cluster told, and a guess for the seen addresses that lie outside of it."""
    told = collapse(known)
    outside = [address for address in seen if not covers(told, address)]
    return collapse([*told, *guessed(outside)])


def covers(ranges: Iterable[Network], address: Address) -> bool:
    """Whether the address is in one of the ranges."""
    return any(address in network for network in ranges)
