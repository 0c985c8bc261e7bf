"""Interfaces, addresses and routes by rtnetlink, and the TUN device. Needs CAP_NET_ADMIN."""

import errno
import fcntl
import os
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6
from typing import Any, Self

from pyroute2 import AsyncIPRoute  # type: ignore[import-untyped]
from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

from ktconnect.errors import HostError
from ktconnect.networks import Address, Network

from .laptop import LaptopNetworks, Resolver, Route

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
MTU = 65535

TABLE_LOCAL = 255  # what the kernel itself answers for; linux/rtnetlink.h
UNICAST_AND_REFUSED = (1, 6, 7, 8)  # RTN_UNICAST, _BLACKHOLE, _UNREACHABLE, _PROHIBIT
SYSCTL = Path("/proc/sys/net/ipv6/conf")


def open_tun(name: str) -> int:
    """Make a TUN device; it lives as long as the descriptor, which the caller closes.

    Raises: HostError if there is no such device here, no right to it, or the name is taken.
    """
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(
            f"/dev/net/tun can't be opened: {error.strerror}",
            hint="load it (`modprobe tun`), or run with --disableTunDevice",
        ) from None
    try:
        fcntl.ioctl(
            descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI)
        )
    except OSError as error:
        os.close(descriptor)
        raise HostError(
            f"the TUN device {name} can't be made: {error.strerror}",
            hint="another `ktctl connect` starts at this moment: try again"
            if error.errno == errno.EBUSY
            else "this needs root (CAP_NET_ADMIN); or run with --disableTunDevice",
        ) from None
    return descriptor


class Links:
    """The kernel's tables, as far as we read and write them."""

    def __init__(self, netlink: AsyncIPRoute) -> None:
        self._netlink = netlink

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        async with AsyncIPRoute() as netlink:
            yield cls(netlink)

    async def laptop(self, resolver: Resolver) -> LaptopNetworks:
        """What the laptop's network looks like now."""
        names = {link["index"]: link.get("ifname") async for link in await self._dump("link")}
        found = [message.get("address") async for message in await self._dump("addr")]
        routes = [
            route
            for family in (AF_INET, AF_INET6)
            async for message in await self._dump("route", family=family)
            if (route := _route(message, names))
        ]
        return LaptopNetworks(
            interfaces=tuple(names.values()),
            addresses=tuple(ip_address(text) for text in found if text),
            routes=tuple(dict.fromkeys(routes)),
            resolver=resolver,
            ipv6=_ipv6_is_on(),
        )

    async def bring_up(self, name: str, addresses: Iterable[Address]) -> None:
        """Give a new TUN its addresses and bring it up."""
        with suppress(OSError):  # else the kernel asks for routers on the wire of a TUN
            (SYSCTL / name / "addr_gen_mode").write_text("1")
        with _refused(f"{name} can't be set up"):
            index = await self._index(name)
            await self._netlink.link("set", index=index, mtu=MTU, state="up")
            for address in addresses:
                await self._netlink.addr(
                    "add", index=index, address=str(address), prefixlen=address.max_prefixlen
                )

    async def add_route(self, network: Network, name: str) -> None:
        with _refused(f"no route to {network} can be added"):
            await self._route("add", network, name)

    async def remove_route(self, network: Network, name: str) -> None:
        with _refused(f"the route to {network} can't be removed"):
            await self._route("del", network, name)

    async def _route(self, command: str, network: Network, name: str) -> None:
        index = await self._index(name)
        family = AF_INET if network.version == 4 else AF_INET6
        await self._netlink.route(command, dst=str(network), oif=index, family=family)

    async def _index(self, name: str) -> int:
        found: list[int] = await self._netlink.link_lookup(ifname=name)
        if not found:
            raise HostError(f"the device {name} is gone")
        return found[0]

    async def _dump(self, what: str, **filters: Any) -> Any:
        return await getattr(self._netlink, what)("dump", **filters)


def _route(message: Any, names: dict[int, str]) -> Route | None:
    table = message.get("table")  # the attribute: the header's field has only eight bits
    if table == TABLE_LOCAL or message["type"] not in UNICAST_AND_REFUSED:
        return None
    everything = "0.0.0.0" if message["family"] == AF_INET else "::"
    network = ip_network(f"{message.get('dst') or everything}/{message['dst_len']}")
    return Route(network, names.get(message.get("oif"), ""))


def _ipv6_is_on() -> bool:
    try:
        return all((SYSCTL / n / "disable_ipv6").read_text() == "0\n" for n in ("all", "default"))
    except OSError:
        return False


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Turn the kernel's no into ours."""
    try:
        yield
    except NetlinkError as error:
        raise HostError(f"{what}: {error.args[1]}") from None
