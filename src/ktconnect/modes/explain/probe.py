"""A short-lived agent that requests are sent from, and that leaves nothing behind."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from ktconnect.errors import KtError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.modes.agentplan import AgentPlan, new_name
from ktconnect.modes.cluster import holder, require
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.end import to_the_end
from ktconnect.modes.shadow import Shadow, clock
from ktconnect.objects.rights import PROBE
from ktconnect.objects.session import Session
from ktconnect.sessions.lease import SessionLease
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec

from .spec import ExplainSpec

ROLE: Final = "shadow-explain"


@asynccontextmanager
async def probe(
    spec: ExplainSpec, cluster: Cluster, namespace: str, reporter: Reporter
) -> AsyncIterator[Tunnel]:
    """A tunnel to an agent of its own. Closes: both, and deletes all that it made.

    Raises: Forbidden naming every right that is missing; what a Pod that can't start raises.
    """
    await require(cluster, namespace, PROBE, "explain-live")
    shadow = probe_shadow(spec, cluster, namespace)
    await to_the_end(shadow.lease.create())
    try:
        with reporter.step("Starting an agent to send it from") as step:
            await shadow.create()
            pod = await shadow.ready_pod()
            step.says(f"Agent {pod['metadata']['name']} runs on {pod['spec']['nodeName']}")
        async with _tunnel(spec, shadow) as tunnel:
            yield tunnel
    finally:
        await to_the_end(_remove(shadow))


def probe_shadow(spec: ExplainSpec, cluster: Cluster, namespace: str) -> Shadow:
    """The agent, and the Lease that owns it; nothing is made yet."""
    options = spec.cluster
    session = Session(
        new_name("kt-explain"), namespace, ROLE, holder(), options.labels, options.annotations
    )
    token = secrets.token_hex(32)
    plan = AgentPlan(session, options.agent, AgentSpec(token_digest(token)), token)
    lease = SessionLease(cluster, session, {"mode": "explain"}, now=clock(cluster, options))
    shadow = Shadow(cluster, lease, plan)
    shadow.within = options.pod_creation_timeout
    return shadow


@asynccontextmanager
async def _tunnel(spec: ExplainSpec, shadow: Shadow) -> AsyncIterator[Tunnel]:
    timeout = spec.cluster.port_forward_timeout
    tunnel = Tunnel(shadow.open_pipe, shadow.token, pipes=1, timing=Timing(attempt=timeout))
    async with task_group() as tasks:
        running = tasks.create_task(tunnel.run())
        renewing = tasks.create_task(shadow.keep_alive())
        try:
            await tunnel.ready(shadow.patience(timeout))
            yield tunnel
        finally:
            running.cancel()
            renewing.cancel()


async def _remove(shadow: Shadow) -> None:
    """What can't be deleted now goes with its Lease, which nobody renews."""
    with suppress(KtError):
        await shadow.delete()
