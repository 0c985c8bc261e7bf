"""`ktctl mesh`: marked requests come to this machine."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ktconnect.errors import UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import check_local
from ktconnect.modes.checks.seen import Seen, enforce
from ktconnect.modes.checks.service import check_ruled
from ktconnect.modes.cluster import holder
from ktconnect.modes.exchange.mode import find_targets
from ktconnect.modes.report import Reporter
from ktconnect.modes.routing.auto import choice, sidecar_labels
from ktconnect.modes.routing.exposed import exposed_ports
from ktconnect.modes.routing.planning import driver_for, free_to_share, random_letters, seat_of
from ktconnect.modes.routing.sharing import SharingWay
from ktconnect.modes.serving.expose import exposes_for
from ktconnect.modes.serving.opening import opened
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.session import InboundSession, serve
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.modes.taking import take_mark, taker_of
from ktconnect.objects.ports import map_ports
from ktconnect.objects.rights import (
    MESH_GATEWAY,
    MESH_ISTIO,
    MESH_MANUAL,
    MESH_ROUTER,
    Right,
)
from ktconnect.objects.router import share_name
from ktconnect.objects.session import Manifest
from ktconnect.rules.holds import described
from ktconnect.rules.mark import Mark, alternatives, version_mark
from ktconnect.rules.match import match_text
from ktconnect.rules.meshes import Choice
from ktconnect.rules.model import Match, Share
from ktconnect.sessions.holders import HEADER
from ktconnect.sessions.shared_names import share_lease, shared_name

from .checks import check_all
from .manual import ManualWay
from .session import MeshSession
from .spec import MeshSpec

OLD_CONNECTIONS: Final = (
    "connections that callers had open before stay with the original Pods until they end, "
    "marked requests on them too"
)

SAID: Final = 2
"""How many alternatives the banner names where there are more of them; the advice has all."""

RIGHTS: Final[Mapping[str, tuple[Right, ...]]] = {
    "manual": MESH_MANUAL,
    "router": MESH_ROUTER,
    "istio": MESH_ISTIO,
    "gateway": MESH_GATEWAY,
    "auto": MESH_ROUTER,
}
"""What a mode needs; ``auto`` takes rules of a mesh only where the user may write them."""


async def run(spec: MeshSpec, reporter: Reporter) -> None:
    """Take the marked requests of all targets until cancelled; then give them back.

    Raises: KtError, before anything is changed wherever that can be known.
    """
    began = time.monotonic()
    mark = version_mark(spec.mark, random_letters())
    matches = alternatives(mark, spec.matches, marked=bool(spec.mark))
    if mark.warning:
        reporter.warn(mark.warning)
    async with opened(spec.serving, RIGHTS[spec.mode], reporter) as (cluster, namespace):
        services = await find_targets(spec, cluster, namespace, reporter)
        asked = Asked(spec, mark, matches)
        plan = prepare_manual if spec.mode == "manual" else prepare
        sessions = [await plan(asked, cluster, service, reporter) for service in services]
        await serve(sessions, reporter, began, dry_run=spec.serving.dry_run)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, its mark and its matches read."""

    spec: MeshSpec
    mark: Mark
    matches: tuple[Match, ...]


async def prepare(
    asked: Asked, cluster: Cluster, service: Manifest, reporter: Reporter
) -> MeshSession:
    """Check one target and plan its session. Raises: UsageError, Taken, Forbidden."""
    spec, mark = asked.spec, asked.mark
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    lease, seen = await _free(asked, cluster, service, reporter)
    chosen = await choice(cluster, seen.service, seen.backends, spec.mode)
    none = UsageError(
        f"no port of Service {name} carries requests that could be told apart",
        hint=f"`ktctl exchange {name}` takes all of its callers",
    )
    ports = await exposed_ports(spec.serving, spec.exposes, seen, chosen.driver, none, reporter)
    plan = replace(
        inbound_plan(spec.serving, "mesh", lease, namespace, name, ports),
        shared=shared_name(name),
    )
    said = {
        "mark": mark.value,
        HEADER: mark.key,
        "driver": chosen.driver,
        "endsWithin": SharingWay.patience,
    }
    announced = session_lease(cluster, spec.serving, plan, more=said)
    seat = seat_of(cluster, spec.serving, plan, announced, chosen.driver)
    way = SharingWay(
        seat,
        plan,
        _share(asked, plan),
        driver_for(spec.serving, spec.router, chosen),
        banner=banner(mark, asked.matches),
        advice=_advice(chosen, asked.matches),
    )
    way.labels = sidecar_labels(seen.backends) if chosen.driver == "istio" else ()
    return MeshSession(cluster, spec.serving, plan, announced, way)


async def prepare_manual(
    asked: Asked, cluster: Cluster, service: Manifest, reporter: Reporter
) -> InboundSession:
    """As `prepare`, for a Pod among the Service's own. Raises: UsageError, Taken, Forbidden."""
    spec, mark = asked.spec, asked.mark
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    if spec.matches:
        raise UsageError(
            "--match has no meaning with --mode manual: the rules are yours",
            hint="leave --mode out, and ktctl makes the rules",
        )
    lease, seen = await _free(asked, cluster, service, reporter)
    enforce(check_ruled(seen), reporter)
    ports = map_ports(
        seen.service, exposes_for(spec.exposes, name), seen.slices or (), seen.backends
    )
    enforce(check_all(name, ports), reporter)
    checked = await check_local(ports, skip=spec.serving.skip_port_checking)
    enforce(checked.findings, reporter)
    plan = replace(
        inbound_plan(spec.serving, "mesh", lease, namespace, name, checked.ports), alone=True
    )
    said = {"mark": mark.value, HEADER: mark.key, "driver": "manual"}
    announced = session_lease(cluster, spec.serving, plan, more=said)
    way = ManualWay(cluster, plan, seen.service, mark)
    return InboundSession(cluster, spec.serving, plan, announced, way)


async def _free(
    asked: Asked, cluster: Cluster, service: Manifest, reporter: Reporter
) -> tuple[str, Seen]:
    """The name of its Lease, and what is around the Service. Raises: Taken."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    serving = asked.spec.serving
    lease = share_lease(name, "mesh", asked.mark.label)
    taker = taker_of(cluster, reporter, takeover=serving.takeover)
    key = asked.mark.key
    await take_mark(cluster, namespace, lease, taker, header=key, dry_run=serving.dry_run)
    seen = await free_to_share(cluster, service, "mesh", taker, dry_run=serving.dry_run)
    return lease, seen


def _advice(chosen: Choice, matches: Iterable[Match]) -> tuple[str, ...]:
    by_router = [OLD_CONNECTIONS] if chosen.driver == "router" else []
    how = f"by {chosen.driver}: {chosen.why}"
    return (how, *chosen.notes, *to_be_marked(matches), *by_router)


def banner(mark: Mark, matches: Sequence[Match]) -> str:
    """What KT Connect says, where the header of the mark is what is looked at; then the other
    alternatives, of many the first."""
    others = [described(match) for match in matches if match != mark.match]
    by_header = f"by header '{mark.header}'" if mark.match in matches else ""
    more = [f"in {len(others) - SAID} more cases"] if len(others) > SAID + 1 else []
    shown = others[:SAID] if more else others
    where = [by_header, *(f"where {each}" for each in shown), *more]
    return f"Now you can access your service {', or '.join(filter(None, where))}"


def to_be_marked(matches: Iterable[Match]) -> tuple[str, ...]:
    """Which requests are meant, in lines for a person."""
    return tuple(f"to be marked: {match_text(match)}" for match in matches)


def _share(asked: Asked, plan: InboundPlan) -> Share:
    """Its own Service is yet to be made, and gives it address and age."""
    return Share(
        kind="mesh",
        service=share_name(plan.service, "mesh", asked.mark.label),
        address="",
        mark=asked.mark.value,
        user=holder(),
        since="",
        matches=asked.matches,
        ports=tuple(dict.fromkeys(port.service_port for port in plan.exposed)),
    )
