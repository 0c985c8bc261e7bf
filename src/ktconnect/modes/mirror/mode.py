"""`ktctl mirror`: a copy of a Service's requests comes to this machine; the original answers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ktconnect.errors import UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import COPIES, check_local
from ktconnect.modes.checks.seen import enforce
from ktconnect.modes.cluster import holder
from ktconnect.modes.report import Reporter
from ktconnect.modes.routing.auto import choice, sidecar_labels
from ktconnect.modes.routing.exposed import request_ports
from ktconnect.modes.routing.planning import driver_for, free_to_share, random_letters, seat_of
from ktconnect.modes.serving.opening import opened
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.session import serve
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.modes.taking import taker_of
from ktconnect.modes.targets import find_service, parse_target
from ktconnect.objects.rights import (
    EXCHANGE_SELECTOR,
    MESH_GATEWAY,
    MESH_ISTIO,
    MESH_ROUTER,
    Right,
)
from ktconnect.objects.router import share_name
from ktconnect.objects.session import Manifest
from ktconnect.rules.match import match_text
from ktconnect.rules.meshes import Choice
from ktconnect.rules.model import Match, Share
from ktconnect.sessions.shared_names import share_lease, shared_name

from .harfile import check_new
from .keeping import kept
from .raw import prepare_raw
from .session import MirrorSession
from .spec import MirrorSpec
from .tapping import RouterPods, Tapping
from .way import MirrorWay

RIGHTS: Final[Mapping[str, tuple[Right, ...]]] = {
    "router": MESH_ROUTER,
    "istio": MESH_ISTIO,
    "gateway": MESH_GATEWAY,
    "auto": MESH_ROUTER,
    "tcp": EXCHANGE_SELECTOR,
}
"""What a mode needs; ``auto`` takes rules of a mesh only where the user may write them."""

EVERYTHING: Final = (Match(),)


async def run(spec: MirrorSpec, reporter: Reporter) -> None:
    """Get copies of the target's requests until cancelled.

    Raises: KtError, before anything is changed wherever that can be known.
    """
    began = time.monotonic()
    check_new(spec.keeping.record)
    dry_run = spec.serving.dry_run
    async with opened(spec.serving, RIGHTS[spec.mode], reporter, "mirror") as (cluster, namespace):
        service = await _target(spec, cluster, namespace, reporter)
        if spec.mode == "tcp":
            raw = await prepare_raw(spec, cluster, service, reporter)
            await serve([raw], reporter, began, dry_run=dry_run)
            return
        asked = await prepare(spec, cluster, service, reporter)

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


async def _target(
    spec: MirrorSpec, cluster: Cluster, namespace: str, reporter: Reporter
) -> Manifest:
    """The Service that is meant. Raises: UsageError, Forbidden."""
    with reporter.step("Looking for the target") as step:
        service = await find_service(cluster, namespace, parse_target(spec.target))
        step.says(f"Requests of {namespace}/{service['metadata']['name']} are meant")
    return service


async def prepare(
    spec: MirrorSpec, cluster: Cluster, service: Manifest, reporter: Reporter
) -> Asked:
    """Check the target and plan the session. Raises: UsageError, Taken, Forbidden."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    taker = taker_of(cluster, reporter, takeover=spec.serving.takeover)
    dry_run = spec.serving.dry_run
    seen = await free_to_share(cluster, service, "mirror", taker, dry_run=dry_run)
    chosen = await choice(cluster, seen.service, seen.backends, spec.mode)
    check_driver(spec, chosen)
    none = UsageError(
        f"no port of Service {name} carries requests", hint="--mode tcp copies bytes of TCP"
    )
    taken = request_ports(spec.exposes, seen, chosen.driver, none, reporter)
    skip = spec.serving.skip_port_checking
    checked = await check_local(taken, skip=skip, meanwhile=COPIES)
    enforce(checked.findings, reporter)
    lease = share_lease(name, "mirror", random_letters())
    plan = inbound_plan(spec.serving, "mirror", lease, namespace, name, checked.ports)
    sidecar = sidecar_labels(seen.backends) if chosen.driver == "istio" else ()
    return Asked(spec, replace(plan, shared=shared_name(name)), chosen, sidecar)


def check_driver(spec: MirrorSpec, chosen: Choice) -> None:
    """Raises: UsageError if what makes the copies can't do what is asked."""
    if spec.keeping.diff and chosen.driver != "router":
        raise UsageError(
            f"--diff: copies are made by {chosen.driver} here ({chosen.why}), and it shows nobody "
            "what the original answered",
            hint="--mode router does, or leave --diff out",
        )


def session_of(asked: Asked, cluster: Cluster, tapping: Tapping | None) -> MirrorSession:
    """The session that a plan stands for."""
    spec, plan, driver = asked.spec, asked.plan, asked.chosen.driver
    said = {"driver": driver, "endsWithin": MirrorWay.patience}
    announced = session_lease(cluster, spec.serving, plan, more=said)
    seat = seat_of(cluster, spec.serving, plan, announced, driver)
    share = share_of(spec, plan)
    told = (f"by {driver}: {asked.chosen.why}", *asked.chosen.notes, *advice(share))
    way = MirrorWay(
        seat,
        plan,
        share,
        driver_for(spec.serving, spec.router, asked.chosen),
        tapping=tapping,
        advice=told,
    )
    way.labels = asked.sidecar
    return MirrorSession(cluster, spec.serving, plan, announced, way)


def share_of(spec: MirrorSpec, plan: InboundPlan) -> Share:
    """Its own Service is yet to be made, and gives it address and age."""
    mark = plan.session.name.rpartition(".")[2]
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
