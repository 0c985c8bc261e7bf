"""`ktctl connect`: the laptop reaches Pods, Services and names of the cluster."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from ktconnect import names
from ktconnect.host.remote import Door, open_door, open_helper
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig
from ktconnect.kube.discover import discover
from ktconnect.modes.agentplan import new_name
from ktconnect.modes.cluster import holder, load_config, owned_by_user, require, require_namespace
from ktconnect.modes.dryrun import NOTHING_DONE, cluster_for, tell
from ktconnect.modes.report import Reporter
from ktconnect.modes.shadow import Shadow, connect_shadow
from ktconnect.modes.spec import ConnectSpec
from ktconnect.modes.standing import standing
from ktconnect.objects.rights import CONNECT, SHARE
from ktconnect.objects.session import Session
from ktconnect.tunnel.tuning import raise_open_files

from .access import ProxyAccess
from .connection import Connection
from .view import View
from .written import written_names


async def run(spec: ConnectSpec, reporter: Reporter) -> None:
    """Connect, and stay so until cancelled; then undo everything.

    Raises: KtError, before anything is changed wherever that can be known.
    """
    began = time.monotonic()
    raise_open_files()
    config = load_config(spec.cluster)
    if spec.dry_run:
        await rehearse(spec, config, reporter)
        return
    async with AsyncExitStack() as stack:
        door = None if spec.disable_tun_device else await stack.enter_async_context(open_door())
        owned_by_user()
        cluster = await stack.enter_async_context(Cluster(config))
        view = await look_at_cluster(spec, cluster, reporter)
        if door is not None:
            view = await look_at_laptop(view, door, reporter)
        else:
            ProxyAccess.check(spec, reporter)
        shadow = await stack.enter_async_context(open_shadow(view, cluster, reporter))
        connection = Connection(view, cluster, shadow, door, reporter)
        await connection.run(began)


async def rehearse(spec: ConnectSpec, config: KubeConfig, reporter: Reporter) -> None:
    """Tell what would be made. The root helper stays away: it undoes what dead sessions left.

    Raises: as ``run``.
    """
    owned_by_user()
    async with cluster_for(config, dry_run=True) as cluster:
        view = await look_at_cluster(spec, cluster, reporter)
        if spec.disable_tun_device:
            ProxyAccess.check(spec, reporter)
        shadow = shadow_for(view, cluster)
        await shadow.lease.create()
        await shadow.create()
        tell(cluster, (), reporter)
    if not spec.disable_tun_device:
        reporter.note(
            f"this machine would get a TUN device, routes to {' '.join(map(str, view.ranges))}, "
            f"and names of {view.domain} from the cluster"
        )
    reporter.note(NOTHING_DONE)


async def look_at_cluster(spec: ConnectSpec, cluster: Cluster, reporter: Reporter) -> View:
    """Ask the API server what there is, and whether we may. Raises: Unreachable, Forbidden."""
    namespace = spec.cluster.namespace or cluster.namespace
    with reporter.step("Asking the API server") as step:
        version = await cluster.version()
        await require(cluster, namespace, CONNECT + (SHARE if spec.share_shadow else ()))
        step.says(f"Kubernetes {version.text} at {cluster.config.server}")
    with reporter.step("Looking at the cluster") as step:
        facts = await discover(cluster, namespace)
        require_namespace(facts, namespace)
        view = View(spec, namespace, facts.cluster_domain or spec.cluster_domain, facts)
        view = replace(view, hosts=await written_names(cluster, view))
        step.says(f"The cluster's ranges: {' '.join(map(str, view.ranges)) or 'none seen'}")
    if facts.limited_to_namespace:
        reporter.note(f"your rights show namespace {namespace} alone")
    return view


async def look_at_laptop(view: View, door: Door, reporter: Reporter) -> View:
    """Look whether the cluster's ranges are free here, and names can be set.

    Raises: HostError naming the overlap, or the file that can't be written.
    """
    with reporter.step("Looking at this machine's network") as step:
        async with open_helper(door) as helper:
            view = replace(view, laptop=await helper.facts())
            for line in helper.recovered:
                reporter.note(line)
            plan = view.host_plan("check", (0, 0))
            await helper.check(plan)
        for network in view.included_in_vain:
            reporter.warn(
                f"--includeIps {network} is the API server's: it is not routed",
                "the tunnel itself goes there, by the way it has now",
            )
        step.says(f"Free here: {len(plan.networks)} networks for {plan.tun}")
    return view


@asynccontextmanager
async def open_shadow(view: View, cluster: Cluster, reporter: Reporter) -> AsyncIterator[Shadow]:
    """The session's Lease and agent for as long as the block runs. Raises: Forbidden, Refused."""
    shadow = shadow_for(view, cluster)
    async with standing(shadow, cluster.config.server, reporter):
        yield shadow


def shadow_for(view: View, cluster: Cluster) -> Shadow:
    """The session's Lease and agent, not yet made."""
    spec = view.spec.cluster
    session = Session(
        new_name("kt-connect-shadow"),
        view.namespace,
        names.ROLE_CONNECT,
        holder(),
        spec.labels,
        spec.annotations,
    )
    return connect_shadow(cluster, session, spec, shared=view.spec.share_shadow)
