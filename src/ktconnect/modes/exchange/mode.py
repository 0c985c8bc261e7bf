"""`ktctl exchange`: this machine answers the callers of Services."""

import time
from typing import Protocol

from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import check_local
from ktconnect.modes.checks.seen import enforce, look
from ktconnect.modes.checks.service import check_service
from ktconnect.modes.dryrun import make_way_or_tell
from ktconnect.modes.report import Reporter
from ktconnect.modes.routing.auto import sidecar_labels
from ktconnect.modes.serving.expose import check_exposed, exposes_for
from ktconnect.modes.serving.opening import opened
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.session import InboundSession, serve
from ktconnect.modes.serving.spec import RECOVER_WAIT, ExchangeSpec
from ktconnect.modes.taking import clear_way, taker_of
from ktconnect.modes.targets import SERVICE, find_services, parse_target
from ktconnect.objects.ports import Expose, map_ports
from ktconnect.objects.rights import EXCHANGE_SCALE, EXCHANGE_SELECTOR
from ktconnect.objects.session import Manifest

from .ruled import is_ruled, prepare_ruled
from .scale_sessions import scale_sessions
from .selector import SelectorWay
from .session import ExchangeSession


async def run(spec: ExchangeSpec, reporter: Reporter) -> None:
    """Take the callers of all targets until cancelled; then give them back.

    Raises: KtError, before anything is changed wherever that can be known.
    """
    began = time.monotonic()
    if spec.mode != "scale" and spec.recover_wait != RECOVER_WAIT:
        reporter.note("--recoverWaitTime is of --mode scale: nothing is scaled, so nothing waits")
    rights = EXCHANGE_SCALE if spec.mode == "scale" else EXCHANGE_SELECTOR
    async with opened(spec.serving, rights, reporter) as (cluster, namespace):
        if spec.mode == "scale":
            sessions = await scale_sessions(spec, cluster, namespace, reporter)
        else:
            services = await find_targets(spec, cluster, namespace, reporter)
            sessions = [await prepare(spec, cluster, service, reporter) for service in services]
        await serve(sessions, reporter, began, dry_run=spec.serving.dry_run)


class Targets(Protocol):
    """What was asked, as far as the targets go."""

    @property
    def targets(self) -> tuple[str, ...]:
        """As the user wrote them."""

    @property
    def exposes(self) -> tuple[Expose, ...]:
        """Which may be meant for one of them."""


async def find_targets(
    spec: Targets, cluster: Cluster, namespace: str, reporter: Reporter
) -> tuple[Manifest, ...]:
    """The Services that are meant. Raises: UsageError, Forbidden."""
    with reporter.step("Looking for the targets") as step:
        services = await find_services(cluster, namespace, map(parse_target, spec.targets))
        found = [service["metadata"]["name"] for service in services]
        check_exposed(spec.exposes, found)
        step.says(f"Callers of {', '.join(f'{namespace}/{name}' for name in found)} are meant")
    return services


async def prepare(
    spec: ExchangeSpec, cluster: Cluster, service: Manifest, reporter: Reporter
) -> InboundSession:
    """Check one target and plan its session. Raises: UsageError, Taken, Forbidden."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    lease = f"kt-exchange-{name}"
    taker = taker_of(cluster, reporter, takeover=spec.serving.takeover)
    await make_way_or_tell(cluster, namespace, lease, taker, dry_run=spec.serving.dry_run)
    service = await cluster.get(SERVICE, name, namespace)
    seen = await look(cluster, service)
    if await clear_way(
        cluster, "exchange", service, seen.backends, taker, dry_run=spec.serving.dry_run
    ):
        service = await cluster.get(SERVICE, name, namespace)
        seen = await look(cluster, service)
    if await is_ruled(cluster, seen):
        return await prepare_ruled(spec, cluster, seen, lease, reporter)
    enforce(check_service(seen), reporter)
    ports = map_ports(service, exposes_for(spec.exposes, name), seen.slices or (), seen.backends)
    checked = await check_local(ports, skip=spec.serving.skip_port_checking)
    enforce(checked.findings, reporter)
    plan = inbound_plan(spec.serving, "exchange", lease, namespace, name, checked.ports)
    announced = session_lease(cluster, spec.serving, plan)
    way = SelectorWay(cluster, plan, announced, service, sidecar_labels(seen.backends))
    return ExchangeSession(cluster, spec.serving, plan, announced, way)
