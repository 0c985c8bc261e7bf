"""`exchange` where a service mesh leads callers to subsets: by a rule of Istio for all requests.

The agent is in none of the subsets, so a changed selector would only take their Pods away from the
callers. Instead the session has a share of the Service's requests, as one of `mesh` has, that is
all of them; the Service itself stays as it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ktconnect.errors import UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.local import check_local
from ktconnect.modes.checks.mesh import used_subsets
from ktconnect.modes.checks.seen import Finding, Seen, enforce
from ktconnect.modes.checks.service import check_ruled
from ktconnect.modes.cluster import holder, require
from ktconnect.modes.mesh.session import MeshSession
from ktconnect.modes.report import Ready, Reporter
from ktconnect.modes.routing.auto import look_around, sidecar_labels
from ktconnect.modes.routing.istio import IstioDriver
from ktconnect.modes.routing.planning import seat_of
from ktconnect.modes.routing.sharing import SharingWay
from ktconnect.modes.serving.expose import exposes_for
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.spec import ExchangeSpec
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.objects.ports import PortMap, map_ports
from ktconnect.objects.rights import MESH_ISTIO
from ktconnect.rules.istio import may_be_http
from ktconnect.rules.meshes import VIRTUAL_SERVICES, mesh_of
from ktconnect.rules.model import Match, Share
from ktconnect.sessions.shared_names import shared_name

EVERYTHING: Final = (Match(),)
MARK: Final = "exchange"


async def is_ruled(cluster: Cluster, seen: Seen) -> bool:
    """Whether callers are led to subsets by sidecars that take rules of ours."""
    if not used_subsets(seen):
        return False
    around = await look_around(cluster, seen.service, seen.backends)
    mesh = mesh_of(around)
    return VIRTUAL_SERVICES in around.served and mesh is not None and mesh.name == "istio"


async def prepare_ruled(
    spec: ExchangeSpec, cluster: Cluster, seen: Seen, lease: str, reporter: Reporter
) -> "RuledSession":
    """Check the target and plan its session. Raises: UsageError, Forbidden."""
    name, namespace = seen.name, seen.namespace
    await require(cluster, namespace, MESH_ISTIO, "exchange-istio")
    ports = await _ports(spec, seen, reporter)
    plan = replace(
        inbound_plan(spec.serving, "exchange", lease, namespace, name, ports),
        shared=shared_name(name),
    )
    said = {"driver": IstioDriver.name, "endsWithin": SharingWay.patience}
    announced = session_lease(cluster, spec.serving, plan, more=said)
    seat = seat_of(cluster, spec.serving, plan, announced, IstioDriver.name)
    subsets = ", ".join(used_subsets(seen))
    way = SharingWay(
        seat,
        plan,
        _share(plan),
        lambda its_seat, _: IstioDriver(its_seat),
        banner=f"Now all request to service '{name}' will be redirected to local",
        advice=(
            f"by a rule of Istio, which leads callers to {subsets} otherwise",
            "only callers that have a sidecar come here; all others get the original Pods",
        ),
    )
    way.labels = sidecar_labels(seen.backends)
    return RuledSession(cluster, spec.serving, plan, announced, way)


class RuledSession(MeshSession):
    """One Service all of whose requests come to this machine by a rule."""

    called = "a request"

    def ready(self, began: float) -> Ready:
        """See `InboundSession`: nobody has to mark anything."""
        found = super().ready(began)
        return replace(found, facts={k: v for k, v in found.facts.items() if k != "mark"})


async def _ports(spec: ExchangeSpec, seen: Seen, reporter: Reporter) -> tuple[PortMap, ...]:
    """The ports that come here. Raises: UsageError, also if none of them can."""
    enforce(check_ruled(seen), reporter)
    exposes = exposes_for(spec.exposes, seen.name)
    ports = map_ports(seen.service, exposes, seen.slices or (), seen.backends)
    exposed = tuple(port for port in ports if port.target is not None)
    given = seen.service["spec"].get("ports") or ()
    left = check_left(seen.name, exposed, given, said=bool(exposes))
    enforce((finding for _, finding in left), reporter)
    taken = tuple(port for port in exposed if port not in {port for port, _ in left})
    if not taken:
        raise UsageError(
            f"no port of Service {seen.name} is HTTP, and a service mesh routes its callers to "
            f"{', '.join(used_subsets(seen))}",
            hint="take the routes to subsets away first",
        )
    checked = await check_local(taken, skip=spec.serving.skip_port_checking)
    enforce(checked.findings, reporter)
    return checked.ports


def check_left(
    name: str, ports: Iterable[PortMap], given: Iterable[Mapping[str, Any]], *, said: bool
) -> list[tuple[PortMap, Finding]]:
    """The ports whose callers stay with the original Pods: no rule with a name can lead them, by
    which it could be found again. ``given``: the Service's; ``said``: the user named them."""
    return list(_left(name, ports, list(given), said=said))


def _left(
    name: str, ports: Iterable[PortMap], given: list[Mapping[str, Any]], *, said: bool
) -> Iterator[tuple[PortMap, Finding]]:
    http = {int(port["port"]) for port in given if may_be_http(port)}
    for port in ports:
        if port.protocol != "tcp" or port.service_port not in http:
            finding = Finding(
                "refuse" if said else "note",
                f"port {port} of Service {name} is no HTTP, as it is declared: beside routes to "
                "subsets its callers can't be led here, and stay with the original Pods",
                "its name or appProtocol says what it is; or take the routes to subsets away",
            )
            yield port, finding


def _share(plan: InboundPlan) -> Share:
    """Its own Service is yet to be made, and gives it address and age."""
    return Share(
        kind="exchange",
        service=plan.agent.name,
        address="",
        mark=MARK,
        user=holder(),
        since="",
        matches=EVERYTHING,
        ports=tuple(dict.fromkeys(port.service_port for port in plan.exposed)),
    )
