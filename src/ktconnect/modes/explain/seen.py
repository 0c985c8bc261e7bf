"""What of the cluster has a part in the way of a request: read once, as far as the user may."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ktconnect.errors import Forbidden
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import HTTP_ROUTE, Kind, Resource
from ktconnect.modes.checks.seen import ISTIO, SLICE, VERSIONS
from ktconnect.modes.targets import POD, SERVICE
from ktconnect.objects.origin import fitted
from ktconnect.objects.session import Manifest, Record
from ktconnect.sessions.lease import sessions

log = logging.getLogger(__name__)

ROUTER: Final = "-kt-router"


@dataclass(slots=True)
class Seen:
    """One look. ``unseen``: what was not allowed, in sentences."""

    service: Manifest
    now: datetime
    services: list[Manifest] = field(default_factory=list)
    slices: list[Manifest] = field(default_factory=list)
    pods: list[Manifest] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    spaces: dict[str, Manifest] = field(default_factory=dict)
    router: Manifest | None = None
    virtual_services: list[Manifest] = field(default_factory=list)
    destination_rules: list[Manifest] = field(default_factory=list)
    http_routes: list[Manifest] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    sessions_seen: bool = True

    @property
    def name(self) -> str:
        return str(self.service["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.service["metadata"]["namespace"])


def router_name(service: str) -> str:
    """Of the router's objects, those of KT Connect, too."""
    return fitted(service, ROUTER)


async def look(cluster: Cluster, service: Manifest, caller_namespace: str) -> Seen:
    """Read it. Raises: Unreachable; a missing right only makes it poorer, and is said."""
    now = datetime.fromtimestamp(await cluster.server_time(), UTC)
    seen = Seen(service, now)
    where = seen.namespace
    seen.services = await _listed(cluster, seen, SERVICE, where, "who else takes requests")
    seen.slices = await _listed(cluster, seen, SLICE, where, "which Pods Services lead to")
    seen.pods = await _listed(cluster, seen, POD, where, "whose Pods those are")
    seen.records = await _sessions(cluster, seen)
    for namespace in {where, caller_namespace}:
        await _space(cluster, seen, namespace)
    await _router(cluster, seen)
    await _rules(cluster, seen, caller_namespace)
    return seen


async def _listed(
    cluster: Cluster, seen: Seen, kind: Kind, namespace: str, what: str
) -> list[Manifest]:
    """All there are; none where the cluster has no such kind, or they may not be seen."""
    try:
        return await cluster.list(kind, namespace)
    except Forbidden as error:
        seen.unseen.append(f"{what} is not known: {error}")
    except NotFound:
        log.debug("the cluster has no %s", kind)
    return []


async def _sessions(cluster: Cluster, seen: Seen) -> list[Record]:
    try:
        return await sessions(cluster, seen.namespace)
    except Forbidden as error:
        seen.sessions_seen = False
        seen.unseen.append(f"whose laptops are alive is not known: {error}")
        return []


async def _space(cluster: Cluster, seen: Seen, namespace: str) -> None:
    try:
        found = await cluster.find("v1/Namespace", namespace)
    except Forbidden as error:
        seen.unseen.append(f"whether namespace {namespace} is in a mesh is not known: {error}")
        return
    if found is not None:
        seen.spaces[namespace] = found


async def _router(cluster: Cluster, seen: Seen) -> None:
    try:
        name = router_name(seen.name)
        seen.router = await cluster.find("v1/ConfigMap", name, seen.namespace)
    except Forbidden as error:
        seen.unseen.append(f"what the router was told is not known: {error}")


async def _rules(cluster: Cluster, seen: Seen, caller_namespace: str) -> None:
    seen.virtual_services = await _istio(cluster, seen, "virtualservices")
    seen.destination_rules = await _istio(cluster, seen, "destinationrules")
    for namespace in dict.fromkeys((seen.namespace, caller_namespace)):
        what = f"what HTTPRoutes say in {namespace}"
        seen.http_routes += await _listed(cluster, seen, HTTP_ROUTE, namespace, what)


async def _istio(cluster: Cluster, seen: Seen, plural: str) -> list[Manifest]:
    """Those of the whole cluster may speak of the Service; else of its namespace alone."""
    for version in VERSIONS:
        kind = Resource(ISTIO, version, plural)
        try:
            return await cluster.list(kind)
        except NotFound:
            continue
        except Forbidden:
            return await _listed(cluster, seen, kind, seen.namespace, f"what {plural} say")
    return []
