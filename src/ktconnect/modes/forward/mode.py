"""`ktctl forward`: ports of the cluster on this machine."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

from ktconnect import names
from ktconnect.groups import task_group
from ktconnect.host.localports import LOOPBACK
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import Unauthorized
from ktconnect.modes.agentplan import AgentPlan, new_name
from ktconnect.modes.clean import clean_quietly
from ktconnect.modes.cluster import holder, load_config, owned_by_user, require
from ktconnect.modes.dryrun import NOTHING_DONE, cluster_for, tell
from ktconnect.modes.report import Ready, Reporter
from ktconnect.modes.shadow import Shadow, clock
from ktconnect.modes.spec import ClusterSpec
from ktconnect.modes.standing import standing
from ktconnect.modes.status import status_of
from ktconnect.objects.rights import FORWARD
from ktconnect.objects.session import Session
from ktconnect.sessions.lease import SessionLease
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tuning import raise_open_files
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec

from .follow import Leading, leading
from .goal import Goal, check_twice
from .local import LocalPort

STATUS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ForwardSpec:
    """One ``ktctl forward``: what is forwarded, and where this machine listens for it."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    goals: tuple[Goal, ...] = ()
    addresses: tuple[str, ...] = LOOPBACK
    dry_run: bool = False


async def run(spec: ForwardSpec, reporter: Reporter) -> None:
    """Forward until cancelled; then take everything away.

    Raises: KtError, before anything is created wherever that can be known.
    """
    began = time.monotonic()
    raise_open_files()
    owned_by_user()
    async with AsyncExitStack() as stack:
        config = load_config(spec.cluster)
        cluster = await stack.enter_async_context(cluster_for(config, dry_run=spec.dry_run))
        namespace = spec.cluster.namespace or cluster.namespace
        leads = await look(spec, cluster, namespace, reporter)
        ports = stack.enter_context(bound(spec, leads, reporter))
        shadow = shadow_of(spec, cluster, namespace, ports)
        if spec.dry_run:
            await rehearse(shadow, cluster, reporter)
            return
        await stack.enter_async_context(standing(shadow, cluster.config.server, reporter))
        forwarding = Forwarding(spec, cluster, shadow, ports, reporter)
        await forwarding.run([lead for lead, _ in leads], began)


async def rehearse(shadow: Shadow, cluster: Cluster, reporter: Reporter) -> None:
    """Tell what would be made. Raises: as ``run``."""
    await shadow.lease.create()
    await shadow.create()
    tell(cluster, (), reporter)
    reporter.note(NOTHING_DONE)


Leads = list[tuple[Leading, list[LocalPort]]]


async def look(spec: ForwardSpec, cluster: Cluster, namespace: str, reporter: Reporter) -> Leads:
    """Find the targets and their ports. Raises: UsageError, Forbidden, Unreachable."""
    with reporter.step("Asking the API server") as step:
        version = await cluster.version()
        await require(cluster, namespace, FORWARD)
        step.says(f"Kubernetes {version.text} at {cluster.config.server}")
    found: Leads = []
    with reporter.step("Looking for what is to be forwarded") as step:
        for goal in spec.goals:
            lead = leading(cluster, namespace, goal, spec.cluster.ip_version, reporter.note)
            remotes = await lead.start()
            found.append((lead, [LocalPort(goal, remote, lead) for remote in remotes]))
        ports = [port for _, listed in found for port in listed]
        check_twice((port.remote.protocol, port.remote.local) for port in ports)
        step.says(f"Found {', '.join(port.leads_to for port in ports)}")
    return found


@contextmanager
def bound(spec: ForwardSpec, leads: Leads, reporter: Reporter) -> Iterator[list[LocalPort]]:
    """All local ports, taken before anything is created. Raises: HostError."""
    ports = [port for _, listed in leads for port in listed]
    others = [each for each in spec.addresses if not ip_address(each).is_loopback]
    if others:
        reporter.warn(
            f"everybody who reaches {', '.join(others)} can use what is forwarded",
            "nobody is asked who they are: keep others out by a firewall",
        )
    try:
        for port in ports:
            port.bind(spec.addresses)
        yield ports
    finally:
        for port in ports:
            port.close()


def shadow_of(
    spec: ForwardSpec, cluster: Cluster, namespace: str, ports: list[LocalPort]
) -> Shadow:
    flags = spec.cluster
    session = Session(
        new_name("kt-forward"),
        namespace,
        names.ROLE_FORWARD,
        holder(),
        flags.labels,
        flags.annotations,
    )
    config = {
        "mode": "forward",
        "target": ", ".join(map(str, spec.goals)),
        "ports": [f"{port.number}:{port.remote}" for port in ports],
    }
    token = secrets.token_hex(32)
    plan = AgentPlan(session, flags.agent, AgentSpec(token_digest(token)), token)
    lease = SessionLease(cluster, session, config, now=clock(cluster, flags))
    shadow = Shadow(cluster, lease, plan, lasts=True)
    shadow.within = flags.pod_creation_timeout
    return shadow


class Forwarding:
    """Local ports at work: a tunnel, and the cluster followed."""

    def __init__(
        self,
        spec: ForwardSpec,
        cluster: Cluster,
        shadow: Shadow,
        ports: list[LocalPort],
        reporter: Reporter,
    ) -> None:
        self._spec = spec
        self._cluster = cluster
        self._shadow = shadow
        self._ports = ports
        self._reporter = reporter
        timing = Timing(attempt=spec.cluster.port_forward_timeout)
        self._tunnel = Tunnel(shadow.open_pipe, shadow.token, timing=timing)
        self._tunnel.on_unreachable = shadow.revive

    async def run(self, leads: list[Leading], began: float) -> None:
        """Serve until cancelled. Raises: TunnelClosed before it is ready."""
        async with task_group() as tasks:
            tasks.create_task(self._tunnel.run())
            tasks.create_task(self._shadow.keep_alive())
            for lead in leads:
                tasks.create_task(lead.follow())
            await self._open()
            self._reporter.ready(self._ready(began))
            tasks.create_task(self._clean())
            self._tunnel.on_state = lambda _state, _reason: self._tell()
            try:
                while True:
                    self._tell()
                    await asyncio.sleep(STATUS_SECONDS)
            finally:
                self._tunnel.on_state = None  # that it closes now is no news

    async def _open(self) -> None:
        with self._reporter.step("Opening the tunnel") as step:
            forward = self._spec.cluster.port_forward_timeout
            agent = await self._tunnel.ready(self._shadow.patience(forward))
            step.says(f"Tunnel to the agent is up (Python {agent.python})")
        for port in self._ports:
            port.open(self._tunnel)
        with self._reporter.step("Trying the way to each port") as step:
            seen = [await port.tried(self._tunnel, self._reporter) for port in self._ports]
            tell = step.says if all(each.good for each in seen) else step.warns
            tell("; ".join(each.text for each in seen))

    def _ready(self, began: float) -> Ready:
        return Ready(
            "forward",
            self._shadow.session.namespace,
            self._shadow.session.name,
            time.monotonic() - began,
            {"ports": [port.described for port in self._ports]},
            banner="\n".join(port.banner for port in self._ports),
        )

    def _tell(self) -> None:
        self._reporter.status(status_of(self._tunnel.statistics()))

    async def _clean(self) -> None:
        with suppress(Unauthorized):  # what is open stays open when a login has run out
            await clean_quietly(self._cluster, self._shadow.session.namespace, self._reporter)
