"""`mirror --mode tcp`: what clients send, byte for byte; the agent joins them to the origin.

Callers are led as by an exchange, so it is one of the two at a time, and has the same Lease.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import COPIES, check_local
from ktconnect.modes.checks.seen import Finding, enforce, look
from ktconnect.modes.checks.service import check_service
from ktconnect.modes.dryrun import make_way_or_tell
from ktconnect.modes.exchange.selector import SelectorWay
from ktconnect.modes.report import Reporter
from ktconnect.modes.routing.auto import sidecar_labels
from ktconnect.modes.serving.expose import exposes_for
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.session import InboundSession
from ktconnect.modes.taking import clear_way, taker_of
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.ports import PortMap, map_ports
from ktconnect.objects.session import Manifest
from ktconnect.sessions.conflicts import SELECTOR

from .spec import MirrorSpec


async def prepare_raw(
    spec: MirrorSpec, cluster: Cluster, service: Manifest, reporter: Reporter
) -> InboundSession:
    """Check the target and plan the session. Raises: UsageError, Taken, Forbidden."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    lease, dry_run = f"kt-exchange-{name}", spec.serving.dry_run
    taker = taker_of(cluster, reporter, takeover=spec.serving.takeover)
    await make_way_or_tell(cluster, namespace, lease, taker, dry_run=dry_run)
    seen = await look(cluster, await cluster.get(SERVICE, name, namespace))
    if await clear_way(cluster, "exchange", seen.service, seen.backends, taker, dry_run=dry_run):
        seen = await look(cluster, await cluster.get(SERVICE, name, namespace))
    enforce(check_service(seen), reporter)
    exposes = exposes_for(spec.exposes, name)
    ports = map_ports(seen.service, exposes, seen.slices or (), seen.backends)
    enforce(check_raw(name, ports, said=bool(exposes)), reporter)
    skip = spec.serving.skip_port_checking
    checked = await check_local(tuple(map(as_raw, ports)), skip=skip, meanwhile=COPIES)
    enforce(checked.findings, reporter)
    plan = inbound_plan(spec.serving, "mirror", lease, namespace, name, checked.ports)
    announced = session_lease(cluster, spec.serving, plan, more={"driver": SELECTOR})
    way = SelectorWay(cluster, plan, announced, seen.service, sidecar_labels(seen.backends))
    way.banner = f"Now what is sent to service '{name}' is copied to local"
    way.advice = ("copied: what callers of new connections send; what is answered here is dropped",)
    return InboundSession(cluster, spec.serving, plan, announced, way)


def check_raw(name: str, ports: Iterable[PortMap], *, said: bool) -> Iterator[Finding]:
    """Which ports are not copied; ``said``: the user named them."""
    for port in ports:
        if port.protocol == "udp" and port.target is not None:
            yield Finding(
                "refuse" if said else "note",
                f"port {port} of Service {name} is UDP, which is not copied",
                f"`ktctl exchange {name}` takes it",
            )


def as_raw(port: PortMap) -> PortMap:
    """Datagrams go to the origin as ever."""
    return replace(port, target=None) if port.protocol == "udp" else port
