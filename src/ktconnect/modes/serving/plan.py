"""A session that callers will come to, as a value: its names, its Lease, its agent."""

from collections.abc import Mapping
from types import MappingProxyType

from ktconnect import names
from ktconnect.kube.client import Cluster
from ktconnect.modes.agentplan import new_name
from ktconnect.modes.cluster import holder
from ktconnect.modes.shadow import clock
from ktconnect.objects.origin import fitted
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import SHARED, Session
from ktconnect.sessions.lease import SessionLease

from .spec import ServingSpec
from .view import led
from .way import InboundPlan

NOTHING: Mapping[str, object] = MappingProxyType({})


def inbound_plan(
    spec: ServingSpec,
    mode: str,
    lease: str,
    namespace: str,
    service: str,
    ports: tuple[PortMap, ...],
) -> InboundPlan:
    """A session of ``mode`` (exchange, preview) that the Lease ``lease`` announces."""
    role, user = f"shadow-{mode}", holder()
    labels, annotations = spec.cluster.labels, spec.cluster.annotations
    target = (names.LABEL_TARGET, service)
    agent = fitted(service, new_name("-kt" if mode == "preview" else f"-kt-{mode}"))
    return InboundPlan(
        mode,
        Session(lease, namespace, role, user, labels, annotations),
        Session(agent, namespace, role, user, (*labels, target), annotations),
        service,
        ports,
    )


def session_lease(
    cluster: Cluster,
    spec: ServingSpec,
    plan: InboundPlan,
    target: str = "",
    more: Mapping[str, object] = NOTHING,
) -> SessionLease:
    """The Lease that announces it, not yet made; ``target`` if that is not the Service.

    ``more`` is what it says besides: ``mark`` and ``driver`` of one that shares a Service,
    ``endsWithin``: the seconds that its undo may take beyond the usual.
    """
    config = {
        "mode": plan.mode,
        "target": target or f"service/{plan.service}",
        "ports": [led(port) for port in plan.exposed],
        "agent": plan.agent.name,
        "restoreAfter": spec.restore_after,
        **({SHARED: plan.shared} if plan.shared else {}),
        **more,
    }
    return SessionLease(
        cluster,
        plan.session,
        config,
        restore_after=spec.restore_after,
        now=clock(cluster, spec.cluster),
    )
