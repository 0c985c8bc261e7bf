"""Sessions of `exchange --mode scale`, checked and planned; nothing of them is made here."""

from dataclasses import replace

from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import ALONE, check_local
from ktconnect.modes.checks.seen import enforce
from ktconnect.modes.dryrun import make_way_or_tell
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.expose import check_exposed, exposes_for
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.session import InboundSession
from ktconnect.modes.serving.spec import ExchangeSpec
from ktconnect.modes.taking import clear_way, taker_of
from ktconnect.modes.targets import Wanted, parse_target
from ktconnect.objects.scale import Workload
from ktconnect.objects.session import SERVICES
from ktconnect.sessions.taken import ENDS_WITHIN

from .scale import ScaleWay
from .scale_find import ScalePlan, find_workload, plan_scale


async def scale_sessions(
    spec: ExchangeSpec, cluster: Cluster, namespace: str, reporter: Reporter
) -> list[InboundSession]:
    """One for each workload that is meant. Raises: UsageError, Taken, Forbidden."""
    with reporter.step("Looking for the workloads") as step:
        found: dict[str, Wanted] = {}
        for wanted in map(parse_target, spec.targets):
            _, workload = await find_workload(cluster, namespace, wanted)
            found.setdefault(str(workload), Wanted(wanted.text, workload.kind, workload.name))
        check_exposed(spec.exposes, [wanted.name for wanted in found.values()])
        step.says(f"Callers of {', '.join(found)} in namespace {namespace} are meant")
    return [
        await _prepare(spec, cluster, namespace, parse_target(wanted.text), reporter)
        for wanted in found.values()
    ]


async def _prepare(
    spec: ExchangeSpec, cluster: Cluster, namespace: str, wanted: Wanted, reporter: Reporter
) -> InboundSession:
    _, workload = await find_workload(cluster, namespace, wanted)
    lease = lease_name(workload)
    taker = taker_of(cluster, reporter, takeover=spec.serving.takeover)
    dry_run = spec.serving.dry_run
    await make_way_or_tell(cluster, namespace, lease, taker, dry_run=dry_run)
    exposes = exposes_for(spec.exposes, workload.name)
    target = await plan_scale(cluster, namespace, wanted, exposes)
    for service in target.services:
        held = f"kt-exchange-{service['metadata']['name']}"
        await make_way_or_tell(cluster, namespace, held, taker, dry_run=dry_run)
        await clear_way(cluster, "exchange", service, (), taker, dry_run=dry_run)
    enforce(target.findings, reporter)
    skip = spec.serving.skip_port_checking
    checked = await check_local(target.ports, skip=skip, meanwhile=ALONE)
    enforce(checked.findings, reporter)
    called = _called(target)
    plan = replace(
        inbound_plan(spec.serving, "exchange", lease, namespace, called, checked.ports),
        at_once=True,
    )
    led = [service["metadata"]["name"] for service in target.services]
    more = {ENDS_WITHIN: spec.recover_wait, SERVICES: led}
    announced = session_lease(cluster, spec.serving, plan, str(workload), more)
    way = ScaleWay(cluster, plan, announced, target, reporter, spec.recover_wait)
    return InboundSession(cluster, spec.serving, plan, announced, way)


def lease_name(workload: Workload) -> str:
    """``kt-exchange-deployment.web``: with the dot it is that of no Service, which has none."""
    return f"kt-exchange-{workload.kind.lower()}.{workload.name}"


def _called(target: ScalePlan) -> str:
    """By which name its callers come: the first Service's, else the workload's own."""
    names = [service["metadata"]["name"] for service in target.services]
    return names[0] if names else target.workload.name
