"""`ktctl preview`: a new Service whose only backend is this machine."""

import time

from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.objects.ports import preview_ports
from ktconnect.objects.rights import PREVIEW
from ktconnect.objects.session import Manifest

from .checks.local import ALONE, check_local
from .checks.seen import enforce
from .dryrun import make_way_or_tell
from .preview_way import PreviewWay, owner_of
from .report import Reporter
from .serving.opening import opened
from .serving.plan import inbound_plan, session_lease
from .serving.session import InboundSession, serve
from .serving.spec import PreviewSpec
from .taking import taker_of
from .targets import SERVICE


async def run(spec: PreviewSpec, reporter: Reporter) -> None:
    """Be a Service of the cluster until cancelled; then take it away.

    Raises: KtError, before anything is changed wherever that can be known.
    """
    began = time.monotonic()
    async with opened(spec.serving, PREVIEW, reporter) as (cluster, namespace):
        session = await prepare(spec, cluster, namespace, reporter)
        await serve([session], reporter, began, dry_run=spec.serving.dry_run)


async def prepare(
    spec: PreviewSpec, cluster: Cluster, namespace: str, reporter: Reporter
) -> InboundSession:
    """Check and plan. Raises: UsageError, Conflict if the name is taken, Forbidden."""
    lease = f"kt-preview-{spec.name}"
    taker = taker_of(cluster, reporter, takeover=spec.serving.takeover)
    await make_way_or_tell(cluster, namespace, lease, taker, dry_run=spec.serving.dry_run)
    refuse_existing(await cluster.find(SERVICE, spec.name, namespace))
    skip = spec.serving.skip_port_checking
    checked = await check_local(preview_ports(spec.exposes), skip=skip, meanwhile=ALONE)
    enforce(checked.findings, reporter)
    plan = inbound_plan(spec.serving, "preview", lease, namespace, spec.name, checked.ports)
    announced = session_lease(cluster, spec.serving, plan)
    way = PreviewWay(cluster, plan, external=spec.external)
    return InboundSession(cluster, spec.serving, plan, announced, way)


def refuse_existing(service: Manifest | None) -> None:
    """Raises: Conflict naming whose the Service is."""
    if service is not None:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        raise Conflict(
            f"there is a Service {name} in namespace {namespace} already, {owner_of(service)}; "
            "it is left alone",
            hint=f"use another name; to take its callers: `ktctl exchange {name}`",
        )
