"""systemd-resolved, by its own tool: is it in charge, and what a link's names are asked of."""

import asyncio
import os
from pathlib import Path

from ktconnect.errors import HostError
from ktconnect.networks import Address

from .laptop import Resolver
from .plan import DnsPlan
from .resolvconf import read_resolver
from .textfile import read_text

# systemd-resolved(8): its listeners, and its list of the servers behind it
STUBS = {"127.0.0.53", "127.0.0.54"}
UPSTREAM = Path("/run/systemd/resolve/resolv.conf")
TIMEOUT = 10.0


async def is_in_charge(resolv_conf: Resolver) -> bool:
    """Whether programs ask systemd-resolved: resolv.conf leads to it and it answers us."""
    if STUBS.isdisjoint(resolv_conf.nameservers):
        return False
    try:
        await _resolvectl("status")
    except HostError:
        return False
    return True


def upstream(ours: tuple[Address, ...] = ()) -> Resolver:
    """The servers that systemd-resolved itself asks, without our own."""
    found = read_resolver(read_text(UPSTREAM), "")
    servers = tuple(s for s in found.nameservers if s not in map(str, ours))
    search = tuple(name for name in found.search if name != ".")
    return Resolver("systemd-resolved", servers, search)


async def ask_us(link: str, server: Address, dns: DnsPlan) -> None:
    """Have our domains, and only these, asked of ``server``; all of it goes with the link.

    Raises: HostError if systemd-resolved says no.
    """
    domains = (*dns.search, *(f"~{name.removeprefix('~')}" for name in dns.routed))
    await _resolvectl("dns", link, str(server))
    await _resolvectl("domain", link, *domains)
    for setting in ("default-route", "llmnr", "mdns", "dnssec", "dnsovertls"):
        await _resolvectl(setting, link, "no")


async def _resolvectl(*arguments: str) -> None:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            "resolvectl",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=pipe,
            env={**os.environ, "SYSTEMD_PAGER": "", "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise HostError("resolvectl is not installed", hint="use --dnsMode hosts") from None
    try:
        async with asyncio.timeout(TIMEOUT):
            _, error = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise HostError("systemd-resolved does not answer", hint="use --dnsMode hosts") from None
    if process.returncode:
        raise HostError(
            f"systemd-resolved refused `resolvectl {' '.join(arguments)}`: "
            f"{error.decode(errors='replace').strip()}",
            hint="use --dnsMode hosts",
        )
