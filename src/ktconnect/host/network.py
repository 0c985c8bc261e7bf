"""The laptop's network as a HostPlan says: set, kept so, and put back. Runs as root."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from ktconnect.apply.change import Change
from ktconnect.apply.engine import apply, revert
from ktconnect.apply.journal import Journal, stale
from ktconnect.errors import Conflict, HostError, KtError

from . import resolved
from .backend import HostBackend, hosts_key, resolv_conf_key
from .laptop import LaptopNetworks, Resolver
from .links import Links, open_tun
from .listen import open_dns_sockets
from .nft import Nft
from .plan import HostPlan
from .resolvconf import our_lines, read_resolver
from .ruleset import nft_ruleset

if TYPE_CHECKING:
    import socket

JOURNALS = Path("/var/lib/kt/journal")
LOOK_AGAIN = 2.0  # seconds between looks at files that others may rewrite


class HostNetwork:
    """All that one session changed here. Closes: with ``undo``."""

    def __init__(self, links: Links, backend: HostBackend, journals: Path = JOURNALS) -> None:
        self._links = links
        self._backend = backend
        self._journals = journals
        self._journal: Journal | None = None
        self._nft: Nft | None = None
        self._tun = -1
        self._dns: tuple[socket.socket, ...] = ()
        self._in_charge: tuple[Resolver, bool] | None = None  # for whom systemd-resolved was asked
        self.plan: HostPlan | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The TUN, and if we answer names a UDP and a TCP socket; they stay ours."""
        return (self._tun, *(sock.fileno() for sock in self._dns))

    async def look(self) -> LaptopNetworks:
        """What the laptop's network looks like now."""
        return await self._links.laptop(await self.resolver())

    async def resolver(self) -> Resolver:
        """Who answers names without us."""
        found = read_resolver(self._backend.resolv_conf(), self.plan.session if self.plan else "")
        if self._in_charge is None or self._in_charge[0] != found:
            self._in_charge = (found, await resolved.is_in_charge(found))
        if self._in_charge[1]:
            return resolved.upstream(self.plan.addresses if self.plan else ())
        return found

    def check(self, plan: HostPlan) -> None:
        """See whether the files that ``plan`` changes can be changed. Raises: HostError."""
        for key in _keys(plan):
            self._backend.check(key)

    async def set(self, plan: HostPlan) -> None:
        """Make it so, from nothing or from another plan of the session; idempotent.

        Raises: HostError, and what was not reached stays to be done or undone.
        """
        if self.plan is None:
            await self._begin_or_undo(plan)
            self.plan = replace(plan, networks=())
        elif _fixed(plan) != _fixed(self.plan):
            raise HostError("only networks and names of a plan can change while connected")
        await self._route(plan)
        await self._name(plan)

    async def keep(self, changed: Callable[[Resolver], object]) -> None:
        """Put our names back whenever someone rewrites the files, until cancelled.

        ``changed`` is told who answers without us, each time that is someone else.
        """
        known = await self.resolver()
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            try:
                found = await self.resolver()
            except KtError:
                continue  # resolv.conf is being replaced this moment: look again later
            if found != known:
                changed(found)
                known = found
            if self.plan is not None:
                await self._put_names_back(self.plan)

    async def undo(self) -> None:
        """Put all back; idempotent. Raises: KtError naming what others changed meanwhile."""
        try:
            if self._journal is not None:
                await revert({"host": self._backend}, self._journal)
                self._journal = None
        finally:
            self._let_go()

    async def _begin_or_undo(self, plan: HostPlan) -> None:
        try:
            await self._begin(plan)
        except KtError:
            await self.undo()
            raise

    async def _begin(self, plan: HostPlan) -> None:
        """Make what later steps only add to; nothing is caught before there are routes."""
        self._journal = Journal.open(self._journals, plan.session)
        self._tun = open_tun(plan.tun)
        await self._links.bring_up(plan.tun, plan.addresses)
        self._nft = Nft()
        self._nft.run(nft_ruleset(plan))
        if plan.dns.mode == "resolv.conf":
            self._dns = open_dns_sockets()
        elif plan.dns.mode == "systemd-resolved":
            # It binds its queries to the link, so only an address of the link can be reached.
            self._dns = open_dns_sockets([IPv4Address(plan.addresses[0])])

    async def _route(self, plan: HostPlan) -> None:
        """First what is new, then away with the old: nothing leaks in between."""
        assert self.plan is not None
        for network in plan.networks:
            if network not in self.plan.networks:
                await self._links.add_route(network, plan.tun)
                self.plan = replace(self.plan, networks=(*self.plan.networks, network))
        for network in self.plan.networks:
            if network not in plan.networks:
                await self._links.remove_route(network, plan.tun)
                rest = tuple(n for n in self.plan.networks if n != network)
                self.plan = replace(self.plan, networks=rest)

    async def _name(self, plan: HostPlan) -> None:
        assert self._journal is not None
        changes = self._file_changes(plan)
        await apply(changes, {"host": self._backend}, self._journal)
        if plan.dns.mode == "systemd-resolved":
            await resolved.ask_us(plan.tun, plan.addresses[0], plan.dns)
        assert self.plan is not None
        self.plan = replace(self.plan, dns=plan.dns)

    def _file_changes(self, plan: HostPlan) -> list[Change]:
        changes = []
        if plan.dns.hosts is not None:
            changes.append(Change("host", hosts_key(plan.session), list(plan.dns.hosts)))
        if plan.dns.mode == "resolv.conf":
            before = read_resolver(self._backend.resolv_conf(), plan.session)
            lines = our_lines(self._dns[0].getsockname()[0], plan.dns.search, before)
            changes.append(Change("host", resolv_conf_key(plan.session), lines))
        return changes

    async def _put_names_back(self, plan: HostPlan) -> None:
        assert self._journal is not None
        for change in self._file_changes(plan):
            try:
                # A block that is there but not ours to the letter is someone's work: leave it.
                if await self._backend.read(change.key) is None:
                    await apply([change], {"host": self._backend}, self._journal)
            except KtError:
                continue  # read-only for now, or being rewritten this moment: look again later

    def _let_go(self) -> None:
        for sock in self._dns:
            sock.close()
        self._dns = ()
        if self._nft is not None:
            self._nft.close()
            self._nft = None
        if self._tun >= 0:
            os.close(self._tun)
            self._tun = -1


def _keys(plan: HostPlan) -> list[str]:
    """Of the files that it changes."""
    hosts = [] if plan.dns.hosts is None else [hosts_key(plan.session)]
    return hosts + ([resolv_conf_key(plan.session)] if plan.dns.mode == "resolv.conf" else [])


def _fixed(plan: HostPlan) -> HostPlan:
    """The part of a plan that holds for the whole session."""
    return replace(plan, networks=(), dns=replace(plan.dns, routed=(), search=(), hosts=None))


async def recover(backend: HostBackend, journals: Path = JOURNALS) -> list[str]:
    """Undo what dead sessions left in our files; return one line for each thing done."""
    done = []
    for journal in stale(journals):
        try:
            backend.trim()
            keys = await revert({"host": backend}, journal)
            done += [f"restored /{key.removeprefix('file/').partition('#')[0]}" for key in keys]
        except Conflict as error:  # theirs now: it was told, and would only be told again
            done.append(f"session {journal.session}: {error}")
            journal.drop()
        except KtError as error:
            done.append(f"session {journal.session}: {error}")
    return done
