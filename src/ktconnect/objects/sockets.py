"""Connections as a Linux kernel lists them, in /proc/net/tcp and tcp6 (proc_net_tcp.rst). Pure."""

from collections.abc import Collection, Iterable
from ipaddress import ip_address

ESTABLISHED = "01"
MAPPED = "0" * 16 + "FFFF0000"  # an IPv4 address as an IPv6 one

Connection = tuple[str, str]
"""Local and remote end, as the kernel writes them: ``0500F40A:1F90``."""


def established(
    listing: str, ports: Collection[int], besides: Iterable[str] = ()
) -> frozenset[Connection]:
    """Those to one of the local ``ports`` that come from elsewhere. What can't be read is not one.

    Both listings may stand one after the other. Those that come from an address in ``besides``
    don't count.
    """
    ours = {way for address in besides for way in _written(address)}
    found = (_connection(line.split()) for line in listing.splitlines())
    return frozenset(
        each
        for each in found
        if each
        and _port(each[0]) in ports
        and not _is_loopback(each[1])
        and each[1].rpartition(":")[0] not in ours
    )


def _connection(fields: list[str]) -> Connection | None:
    if len(fields) < 4 or fields[3] != ESTABLISHED or ":" not in fields[1]:
        return None
    return fields[1], fields[2]


def _port(end: str) -> int:
    try:
        return int(end.rpartition(":")[2], 16)
    except ValueError:
        return 0


def _written(address: str) -> tuple[str, ...]:
    """An address as the kernel writes it, in words of the host's byte order (little endian)."""
    packed = ip_address(address).packed
    text = "".join(packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4))
    return (text, MAPPED + text) if len(packed) == 4 else (text,)


def _is_loopback(end: str) -> bool:
    """127.0.0.0/8, ::1, or the former written as IPv6: words are in the host's byte order."""
    address = end.rpartition(":")[0]
    if len(address) == 8:
        return address.endswith("7F")
    return address == "0" * 24 + "01000000" or (
        address.startswith(MAPPED) and address.endswith("7F")
    )
