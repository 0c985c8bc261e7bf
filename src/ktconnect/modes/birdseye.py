"""`ktctl birdseye`: everybody's sessions of a namespace, by the Service that they are about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ktconnect import names
from ktconnect.errors import Forbidden
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import Manifest
from ktconnect.sessions.lease import sessions

from .birdseye_rows import connector_rows, hidden, service_rows, sorted_rows
from .birdseye_uses import uses_of
from .cluster import check_namespace
from .spec import ClusterSpec

SHADOWS: Final = ("v1/Pod", "apps/v1/Deployment")
"""What KT Connect 0.3 runs for a session."""
NEVER: Final = datetime.min.replace(tzinfo=UTC)
THEIRS: Final = f"{names.LABEL_CONTROL_BY}={names.CONTROL_BY}"


@dataclass(frozen=True, slots=True)
class BirdseyeSpec:
    """One ``ktctl birdseye``."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    sort_by: str = "status"
    show_connector: bool = False
    hide_natural: bool = False
    all_namespaces: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What was seen ``now``, by the server's clock: rows as programs read them, and what could not
    be looked at."""

    services: list[dict[str, Any]]
    connectors: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    now: datetime = NEVER


async def look(spec: BirdseyeSpec, cluster: Cluster) -> View:
    """Look once. Raises: UsageError for a namespace that isn't there; Forbidden, Unreachable."""
    namespace = "" if spec.all_namespaces else spec.cluster.namespace or cluster.namespace
    now = datetime.fromtimestamp(await cluster.server_time(), UTC)
    services = await cluster.list("v1/Service", namespace)
    records = await sessions(cluster, namespace)
    if namespace and not services and not records:
        await check_namespace(cluster, namespace)
    shadows, notes = await _shadows(cluster, namespace)
    uses = uses_of(records, shadows, now)
    rows = sorted_rows(service_rows(services, uses, now), spec.sort_by)
    connectors = []
    if spec.show_connector:
        connectors = connector_rows(uses, now)
    return View(list(hidden(rows)) if spec.hide_natural else rows, connectors, notes, now)


async def _shadows(cluster: Cluster, namespace: str) -> tuple[list[Manifest], tuple[str, ...]]:
    """KT Connect's own Pods and Deployments, as far as we may look."""
    found: list[Manifest] = []
    hidden_kinds: list[str] = []
    for kind in SHADOWS:
        try:
            found += await cluster.list(kind, namespace, labels=THEIRS)
        except Forbidden:
            hidden_kinds.append(kind.rpartition("/")[2])
    notes = (
        f"sessions of KT Connect 0.3 may be missing: you may not list {_plural(hidden_kinds)}",
    )
    return found, notes if hidden_kinds else ()


def _plural(kinds: Sequence[str]) -> str:
    return " and ".join(f"{kind.lower()}s" for kind in kinds)
