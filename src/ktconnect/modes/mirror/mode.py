"""`ktctl mirror`: a copy of a Service's requests comes to this machine; the original answers."""

import time
from dataclasses import dataclass, replace
from typing import Final, cast

from ktconnect.errors import UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import check_local
from ktconnect.modes.checks.seen import Seen, enforce, look
from ktconnect.modes.checks.service import check_service
from ktconnect.modes.clean import clean_quietly
from ktconnect.modes.cluster import holder, load_config, owned_by_user, require
from ktconnect.modes.dryrun import cluster_for
from ktconnect.modes.mesh.mode import as_before, check_marked, random_letters
from ktconnect.modes.mesh.session import MeshSession
from ktconnect.modes.report import Reporter
from ktconnect.modes.routing.auto import choice, mesh_driver, sidecar_labels
from ktconnect.modes.routing.backends import Backends
from ktconnect.modes.routing.driver import Driver, Place
from ktconnect.modes.routing.router import RouterDriver
from ktconnect.modes.routing.sharing import MakeDriver
from ktconnect.modes.serving.expose import exposes_for
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.session import serve
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.modes.shadow import clock
from ktconnect.modes.taking import clear_way, taker_of
from ktconnect.modes.targets import SERVICE, find_service, parse_target
from ktconnect.objects.ports import PortMap, map_ports
from ktconnect.objects.rights import MESH_ROUTER
from ktconnect.objects.router import share_name
from ktconnect.rules.match import match_text
from ktconnect.rules.meshes import Choice
from ktconnect.rules.meshes import Driver as DriverName
from ktconnect.rules.model import Match, Share
from ktconnect.sessions.shared import SharedLease, find_shared, shared_name
from ktconnect.tunnel.tuning import raise_open_files

from .keeping import kept
from .spec import MirrorSpec
from .tapping import RouterPods, Tapping
from .way import MirrorWay

EVERYTHING: Final = (Match(),)


async def run(spec: MirrorSpec, reporter: Reporter) -> None:
    """Get copies of the target's requests until cancelled.

    Raises: KtError, before anything is changed wherever that can be known.
    """
    began = time.monotonic()
    raise_open_files()
    config = load_config(spec.serving.cluster)
    owned_by_user()
    dry_run = spec.serving.dry_run
    async with cluster_for(config, dry_run=dry_run) as cluster:
        namespace = spec.serving.cluster.namespace or cluster.namespace
        await require(cluster, namespace, MESH_ROUTER)
        await clean_quietly(cluster, namespace, reporter, dry_run=dry_run)
        asked = await prepare(spec, cluster, namespace, reporter)

        async def go(plan: InboundPlan, tapping: Tapping | None) -> None:
            session = session_of(replace(asked, plan=plan), cluster, tapping)
            await serve([session], reporter, began, dry_run=dry_run)

        if dry_run or not spec.keeping.reads:
            await go(asked.plan, None)
        else:
            tapped = asked.chosen.driver == "router"
            routers = RouterPods(cluster, namespace, asked.plan.service) if tapped else None
            await kept(spec.keeping, asked.plan, routers, reporter, go)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, looked at and checked: nothing of it has been made yet."""

    spec: MirrorSpec
    plan: InboundPlan
    chosen: Choice
    sidecar: tuple[tuple[str, str], ...]


async def prepare(spec: MirrorSpec, cluster: Cluster, namespace: str, reporter: Reporter) -> Asked:
    """Check the target and plan the session. Raises: UsageError, Taken, Forbidden."""
    with reporter.step("Looking for the target") as step:
        service = await find_service(cluster, namespace, parse_target(spec.target))
        name = service["metadata"]["name"]
        step.says(f"Requests of {namespace}/{name} are meant")
    taker = taker_of(cluster, reporter, takeover=spec.serving.takeover)
    service = await as_before(cluster, service)
    seen = await look(cluster, service)
    if await clear_way(
        cluster, "mirror", service, seen.backends, taker, dry_run=spec.serving.dry_run
    ):
        service = await cluster.get(SERVICE, name, namespace)
        seen = await look(cluster, service)
    enforce(check_service(seen), reporter)
    chosen = await driver_of(spec, cluster, seen)
    ports = await _ports(spec, seen, reporter)
    lease = f"kt-mirror-{name}-{random_letters()}"
    plan = inbound_plan(spec.serving, "mirror", lease, namespace, name, ports)
    sidecar = sidecar_labels(seen.backends) if chosen.driver == "istio" else ()
    return Asked(spec, replace(plan, shared=shared_name(name)), chosen, sidecar)


async def driver_of(spec: MirrorSpec, cluster: Cluster, seen: Seen) -> Choice:
    """What makes the copies: what others who share the Service use, or what fits best.

    Raises: UsageError for one that can't work, or that can't do what is asked.
    """
    metadata = seen.service["metadata"]
    found = await find_shared(cluster, metadata["namespace"], metadata["name"])
    chosen = await choice(cluster, seen.service, list(seen.backends), spec.mode)
    if found is not None and (used := str(found.config.get("driver") or "")):
        if spec.mode not in ("auto", used):
            raise UsageError(
                f"--mode {spec.mode}: service {metadata['name']} is shared by the {used} driver",
                hint="leave --mode out, or wait until those who share it have ended",
            )
        why = "others share the Service by it already"
        chosen = replace(chosen, driver=cast("DriverName", used), why=why)
    if spec.keeping.diff and chosen.driver != "router":
        raise UsageError(
            f"--diff: copies are made by {chosen.driver} here ({chosen.why}), and it shows nobody "
            "what the original answered",
            hint="--mode router does, or leave --diff out",
        )
    return chosen


async def _ports(spec: MirrorSpec, seen: Seen, reporter: Reporter) -> tuple[PortMap, ...]:
    """The ports whose copies come here. Raises: UsageError."""
    name = seen.service["metadata"]["name"]
    exposes = exposes_for(spec.exposes, name)
    ports = map_ports(seen.service, exposes, seen.slices or (), seen.backends)
    exposed = tuple(port for port in ports if port.target is not None)
    enforce(check_marked(name, exposed, said=bool(spec.exposes)), reporter)
    taken = tuple(port for port in exposed if port.protocol == "tcp")
    checked = await check_local(taken, skip=spec.serving.skip_port_checking)
    enforce(checked.findings, reporter)
    return checked.ports


def session_of(asked: Asked, cluster: Cluster, tapping: Tapping | None) -> MeshSession:
    """The session that a plan stands for."""
    spec, plan, driver = asked.spec, asked.plan, asked.chosen.driver
    said = {"driver": driver, "endsWithin": MirrorWay.patience}
    announced = session_lease(cluster, spec.serving, plan, more=said)
    common = SharedLease(
        cluster,
        plan.service,
        plan.namespace,
        driver,
        restore_after=spec.serving.restore_after,
        now=clock(cluster, spec.serving.cluster),
    )
    place = Place(cluster, plan.namespace, plan.service, announced, common)
    share = share_of(spec, plan)
    told = (f"by {driver}: {asked.chosen.why}", *advice(share))
    way = MirrorWay(place, plan, share, _maker(asked), tapping=tapping, advice=told)
    way.labels = asked.sidecar
    return MeshSession(cluster, spec.serving, plan, announced, way)


def _maker(asked: Asked) -> MakeDriver:
    spec = asked.spec
    within = spec.serving.cluster.pod_creation_timeout

    def make(place: Place, backends: Backends) -> Driver:
        if asked.chosen.driver != "router":
            return mesh_driver(asked.chosen, place)
        return RouterDriver(place, backends, spec.router, within=within, why=asked.chosen.why)

    return make


def share_of(spec: MirrorSpec, plan: InboundPlan) -> Share:
    """Its own Service is yet to be made, and gives it address and age."""
    mark = plan.session.name.rpartition("-")[2]
    return Share(
        kind="mirror",
        service=share_name(plan.service, "mirror", mark),
        address="",
        mark=mark,
        user=holder(),
        since="",
        matches=spec.matches or EVERYTHING,
        ports=tuple(dict.fromkeys(port.service_port for port in plan.exposed)),
        percent=spec.percent,
    )


def advice(share: Share) -> tuple[str, ...]:
    """What is copied, in lines for a person."""
    part = "" if share.percent == 100 else f"{share.percent:g} % of "
    if share.matches == EVERYTHING:
        return (f"copied: {part}all requests",)
    return tuple(f"copied: {part}{match_text(match)}" for match in share.matches)
