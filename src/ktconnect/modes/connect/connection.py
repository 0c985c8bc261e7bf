"""A connection at work: the tunnel to an agent, and the way of the laptop's programs into it."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace

from ktconnect.dns.cluster import ClusterAsk
from ktconnect.errors import KtError
from ktconnect.groups import task_group
from ktconnect.host.remote import Door
from ktconnect.host.resolvconf import read_resolver
from ktconnect.kube.client import Cluster
from ktconnect.kube.discover import watch_facts
from ktconnect.kube.failures import Unauthorized
from ktconnect.modes.clean import clean_quietly
from ktconnect.modes.report import Ready, Reporter
from ktconnect.modes.shadow import Shadow
from ktconnect.modes.status import status_of
from ktconnect.tunnel.status import TunnelState
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.hello import AgentFacts

from .access import Access, Facts, ProxyAccess, TunAccess
from .naming import Naming
from .view import View
from .written import written_names

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
FOLLOW_AGAIN = 5.0
LOOPBACK = "127.0.0.1"


class Connection:
    """A tunnel to an agent that runs, and the way of the laptop's programs into it."""

    def __init__(
        self, view: View, cluster: Cluster, shadow: Shadow, door: Door | None, reporter: Reporter
    ) -> None:
        self._view = view
        self._cluster = cluster
        self._shadow = shadow
        self._door = door
        self._reporter = reporter
        timing = Timing(attempt=view.spec.cluster.port_forward_timeout)
        self._tunnel = Tunnel(shadow.open_pipe, shadow.token, timing=timing)
        self._tunnel.on_unreachable = shadow.revive

    async def run(self, began: float) -> None:
        """Serve until cancelled. Raises: TunnelClosed, HostError before it is ready."""
        async with task_group() as tasks:
            tasks.create_task(self._tunnel.run())
            tasks.create_task(self._shadow.keep_alive())
            naming = await self._open_tunnel()
            access = await self._open_access(naming, tasks)
            self._reporter.ready(self._ready(access, began))
            tasks.create_task(self._follow_cluster(naming, access))
            if not self._view.spec.skip_cleanup:
                tasks.create_task(self._clean())
            try:
                await self._show_status()
            finally:
                self._tunnel.on_state = None  # that it closes now is no news

    async def _open_tunnel(self) -> Naming:
        with self._reporter.step("Opening the tunnel") as step:
            forward = self._view.spec.cluster.port_forward_timeout
            agent = await self._tunnel.ready(self._shadow.patience(forward))
            self._view = with_agent(self._view, agent)
            naming = self._naming(agent)
            step.says(f"Tunnel to the agent is up (Python {agent.python})")
        return naming

    def _naming(self, agent: AgentFacts) -> Naming:
        view = self._view
        asked = ClusterAsk(self._tunnel, self._dns_server(agent))
        naming = Naming(asked, view.zone(), view.order(), float(view.spec.dns_cache_ttl))
        naming.ask_upstream(view.resolver)
        for item in view.order().skipped:
            self._reporter.warn(f"--dnsMode: {item!r} names no DNS server, it is left out")
        self._tunnel.on_state = lambda state, _reason: self._state_changed(state, naming)
        return naming

    def _dns_server(self, agent: AgentFacts) -> str:
        """The cluster's DNS server: its Service, else what the agent's Pod asks."""
        in_pod = read_resolver(agent.resolv_conf, "").nameservers
        for server in (*map(str, self._view.facts.dns_addresses), *in_pod):
            return server
        self._reporter.warn(
            "the cluster's DNS server is not known: its names will not be found",
            "look at /etc/resolv.conf of the agent's Pod, or use --dnsMode hosts",
        )
        return LOOPBACK

    def _state_changed(self, state: TunnelState, naming: Naming) -> None:
        naming.tunnel_is(state)
        self._reporter.status(status_of(self._tunnel.statistics()))

    async def _open_access(self, naming: Naming, tasks: asyncio.TaskGroup) -> Access:
        with self._reporter.step("Setting routes and names") as step:
            access: Access
            if self._door is None:
                access = ProxyAccess(self._view)
            else:
                session = self._shadow.session.name.rpartition("-")[2]
                access = TunAccess(self._door, self._view, naming, self._reporter, session)
            tasks.create_task(access.run(self._tunnel))
            await access.is_set.wait()
            facts = (f"{key} {shown(value)}" for key, value in access.facts().items())
            step.says(f"Open: {', '.join(facts)}")
        return access

    def _ready(self, access: Access, began: float) -> Ready:
        return Ready(
            "connect",
            self._view.namespace,
            self._shadow.session.name,
            time.monotonic() - began,
            access.facts(),
            advice(access.facts()),
        )

    async def _follow_cluster(self, naming: Naming, access: Access) -> None:
        """New ranges and names are used as soon as the cluster has them.

        While it can't be asked, what was known holds; a connection does not end for that.
        """
        while True:
            try:
                await self._follow_facts(naming, access)
            except KtError as error:
                log.info("the cluster's ranges and names can't be followed: %s", error)
            await asyncio.sleep(FOLLOW_AGAIN)

    async def _follow_facts(self, naming: Naming, access: Access) -> None:
        async with watch_facts(self._cluster, self._view.namespace) as changes:
            async for facts in changes:
                view = replace(self._view, facts=facts)
                self._view = replace(view, hosts=await written_names(self._cluster, view))
                naming.zone = self._view.zone()
                access.change(self._view)

    async def _clean(self) -> None:
        with suppress(Unauthorized):  # what is open stays open when a login has run out
            await clean_quietly(self._cluster, self._view.namespace, self._reporter)

    async def _show_status(self) -> None:
        while True:
            self._reporter.status(status_of(self._tunnel.statistics()))
            await asyncio.sleep(STATUS_SECONDS)


def with_agent(view: View, agent: AgentFacts) -> View:
    """The Pod's own search list names the cluster's domain, whatever we took it for."""
    own = f"{view.namespace}.svc."
    for suffix in read_resolver(agent.resolv_conf, "").search:
        if suffix.startswith(own):
            return replace(view, domain=suffix.removeprefix(own))
    return view


def shown(value: str | list[str]) -> str:
    """A fact for a person."""
    return value if isinstance(value, str) else " ".join(value)


def advice(facts: Facts) -> tuple[str, ...]:
    """What to do with the connection, for those who use it for the first time."""
    if "proxy" not in facts:
        return ()
    address = facts["proxy"]
    return (
        f"export http_proxy=http://{address} https_proxy=http://{address}",
        f"curl --socks5-hostname {address} http://SERVICE.NAMESPACE",
    )
