"""The two ways in which programs of the laptop get into the tunnel: routes, or a proxy."""

import asyncio
import logging
from contextlib import suppress
from ipaddress import ip_address
from typing import Protocol

from ktconnect.errors import HostError
from ktconnect.groups import task_group
from ktconnect.host.laptop import Resolver
from ktconnect.host.plan import HostPlan
from ktconnect.host.proxy import Proxy, listen
from ktconnect.host.redirect import open_redirect
from ktconnect.host.remote import Door, Helper, HelperLost, open_helper
from ktconnect.host.tun import TunPort
from ktconnect.modes.report import Reporter
from ktconnect.modes.spec import ConnectSpec
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.target import Target

from .naming import Naming
from .view import View

log = logging.getLogger(__name__)

LIVES = 3
"""How many helpers may die before their work is done, one after the other."""


Facts = dict[str, str | list[str]]


class Access(Protocol):
    """One way in. All is undone when ``run`` ends, however it does."""

    @property
    def is_set(self) -> asyncio.Event:
        """Set once programs get through."""

    def facts(self) -> Facts:
        """What a program wants to know of it, once it is set."""

    def change(self, view: View) -> None:
        """The cluster has other ranges or names from now on."""

    async def run(self, tunnel: Tunnel) -> None:
        """Until cancelled. Raises: HostError."""


class ProxyAccess:
    """A SOCKS5 and HTTP proxy; nothing of the laptop is changed."""

    @staticmethod
    def check(spec: ConnectSpec, reporter: Reporter) -> None:
        """Whether its port is free, before anything is created; warns if others may use it.

        Raises: HostError.
        """
        listen(spec.proxy_addr, spec.proxy_port).close()
        if not ip_address(spec.proxy_addr).is_loopback:
            reporter.warn(
                "everybody who reaches this machine can use the proxy, and with it the cluster",
                "the proxy asks nobody who they are: keep others out by a firewall",
            )

    def __init__(self, view: View) -> None:
        self._view = view
        self._listener = listen(view.spec.proxy_addr, view.spec.proxy_port)
        self.is_set = asyncio.Event()

    def facts(self) -> Facts:
        """See Access."""
        host, port = self._listener.getsockname()[:2]
        return {"proxy": f"[{host}]:{port}" if ":" in host else f"{host}:{port}"}

    def change(self, view: View) -> None:
        """See Access."""
        self._view = view

    async def run(self, tunnel: Tunnel) -> None:
        """See Access."""
        self.is_set.set()
        await Proxy([self._listener], self._route, tunnel.join).run()

    def _route(self, host: str, port: int) -> Target | None:
        return Target("tcp", host, port) if self._view.goes_to_cluster(host) else None


class TunAccess:
    """Routes to a TUN device, captured TCP, and names; by one root helper after another."""

    def __init__(
        self, door: Door, view: View, naming: Naming, reporter: Reporter, session: str
    ) -> None:
        self._door = door
        self._view = view
        self._naming = naming
        self._reporter = reporter
        self._session = session
        self._ports = (0, 0)
        self._lives = LIVES
        self._plan: HostPlan | None = None
        self._changed = asyncio.Event()
        self.is_set = asyncio.Event()

    def facts(self) -> Facts:
        """See Access."""
        plan = self._current()
        return {
            "tun": plan.tun,
            "ranges": [str(network) for network in plan.networks],
            "dns": plan.dns.mode if plan.dns.hosts is None else "hosts",
        }

    def change(self, view: View) -> None:
        """See Access."""
        self._view = view
        self._changed.set()

    async def run(self, tunnel: Tunnel) -> None:
        """See Access. A helper that is killed takes its changes along; another one follows."""
        async with open_redirect(tunnel.join, forwarded=self._view.spec.forwarded) as redirect:
            self._ports = redirect.ports
            while self._lives:
                self._lives -= 1
                with suppress(HelperLost):
                    await self._with_helper(tunnel)
                self.is_set.clear()
                self._reporter.warn("the root helper was killed: routes and names are set again")
        raise HostError("the root helper dies again and again", hint="start ktctl with --debug")

    async def _with_helper(self, tunnel: Tunnel) -> None:
        """Until the helper dies. Raises: HelperLost if it does so before its work is done."""
        async with open_helper(self._door, on_resolver=self._upstream_changed) as helper:
            await self._set(helper)
            self._lives = LIVES
            async with TunPort(helper.tun, tunnel.open_datagrams):
                await self._serve(helper)

    def _upstream_changed(self, resolver: Resolver) -> None:
        self._naming.ask_upstream(resolver)

    async def _serve(self, helper: Helper) -> None:
        async with task_group() as tasks:
            serving = [tasks.create_task(self._follow(helper))]
            if helper.dns_sockets:
                serving.append(tasks.create_task(self._naming.serve(helper.dns_sockets)))
            self.is_set.set()
            await helper.wait_lost()
            for task in serving:
                task.cancel()

    async def _follow(self, helper: Helper) -> None:
        """Set the plan again whenever the cluster changes; what can't be had is told."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._set(helper)
            except HostError as error:
                self._reporter.warn(str(error), error.hint)

    async def _set(self, helper: Helper) -> None:
        plan = self._view.host_plan(self._session, self._ports)
        if plan != self._plan or not self.is_set.is_set():
            await helper.set(plan)
            self._plan = plan

    def _current(self) -> HostPlan:
        assert self._plan is not None, "facts are asked for once it is set"
        return self._plan
