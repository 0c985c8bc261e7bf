"""Which driver is the one for a Service: what must be looked at, and the driver made of it."""

import logging
from dataclasses import replace
from typing import Final

from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import Resource
from ktconnect.kube.rights import Right, named
from ktconnect.modes.checks.seen import list_optional
from ktconnect.objects import rights
from ktconnect.objects.session import Manifest
from ktconnect.rules.meshes import HTTP_ROUTES, VIRTUAL_SERVICES, Around, Choice, choose
from ktconnect.rules.meshes import Driver as Named
from ktconnect.sessions.shared import find_shared

from .driver import Driver, Seat
from .gateway import GatewayDriver
from .istio import IstioDriver

log = logging.getLogger(__name__)

NAMESPACE: Final = "v1/Namespace"
GATEWAY_CLASS: Final = Resource("gateway.networking.k8s.io", "v1", "gatewayclasses", False)
POLICY: Final = "security.istio.io/v1/PeerAuthentication"
ROOT: Final = "istio-system"
"""Where Istio looks for what holds in all namespaces, unless it is told otherwise."""

GROUPS: Final = {
    VIRTUAL_SERVICES: "/apis/networking.istio.io/v1",
    HTTP_ROUTES: "/apis/gateway.networking.k8s.io/v1",
}
"""Where the API tells that it has a kind of rules."""


async def choice(cluster: Cluster, service: Manifest, pods: list[Manifest], asked: str) -> Choice:
    """The driver for ``asked`` (``auto``, ``router``, ``istio``, ``gateway``) and this Service,
    and why: the one by which others share it already, if there are any. ``pods``: those that the
    Service's own selector finds.

    Raises: UsageError where the one that was asked for can't work.
    """
    around = await look_around(cluster, service, pods)
    metadata = service["metadata"]
    found = await find_shared(cluster, metadata["namespace"], metadata["name"])
    used = str(found.config.get("driver") or "") if found else ""
    if not used:
        return choose(asked, around)
    if asked not in ("auto", used):
        raise UsageError(
            f"--mode {asked}: service {metadata['name']} is shared by the {used} driver",
            hint="leave --mode out, or wait until those who share it have ended",
        )
    return replace(choose(used, around), why="others share the Service by it already")


async def look_around(cluster: Cluster, service: Manifest, pods: list[Manifest]) -> Around:
    """What tells which mesh is in the way, as far as the user may look."""
    namespace = service["metadata"]["namespace"]
    served = [kind for kind, path in GROUPS.items() if await _serves(cluster, kind, path)]
    classes = await _classes(cluster) if HTTP_ROUTES in served else []
    lacking: dict[Named, str] = {}
    if VIRTUAL_SERVICES in served:
        lacking["istio"] = await _lacking(cluster, namespace, rights.MESH_ISTIO)
    if HTTP_ROUTES in served:
        lacking["gateway"] = await _lacking(cluster, namespace, rights.MESH_GATEWAY)
    return Around(
        service,
        pods,
        await _namespace(cluster, namespace),
        frozenset(served),
        frozenset(str(each["spec"].get("controllerName")) for each in classes),
        {driver: text for driver, text in lacking.items() if text},
        await _policies(cluster, namespace) if VIRTUAL_SERVICES in served else [],
    )


async def _serves(cluster: Cluster, kind: str, path: str) -> bool:
    """Whether the API has it in that version (Kubernetes, "API discovery")."""
    try:
        found = await cluster.served(path)
    except (NotFound, Forbidden) as error:
        log.debug("%s: %s", path, error)
        return False
    return any(each["name"] == kind.partition(".")[0] for each in found.get("resources") or ())


async def _classes(cluster: Cluster) -> list[Manifest]:
    return await list_optional(cluster, GATEWAY_CLASS, "") or []


async def _policies(cluster: Cluster, namespace: str) -> list[Manifest]:
    """What says whether Pods take plain text, here and for all."""
    found = [await list_optional(cluster, POLICY, each) for each in (namespace, ROOT)]
    return [policy for each in found for policy in each or ()]


async def _namespace(cluster: Cluster, name: str) -> Manifest | None:
    try:
        return await cluster.find(NAMESPACE, name)
    except Forbidden:
        return None


async def _lacking(cluster: Cluster, namespace: str, needed: tuple[rights.Right, ...]) -> str:
    """The rights on rules that the user has not, in words; those on all else are checked apart."""
    wanted = [
        Right(each.verb, each.group, each.resource, namespace)
        for each in needed
        if each.group in (rights.ISTIO, rights.GATEWAY)
    ]
    missing = await cluster.allowed(wanted)
    return named(missing) if missing else ""


def mesh_driver(chosen: Choice, seat: Seat) -> Driver:
    """The driver of a mesh that was chosen; the router has its own way to be made."""
    if chosen.driver == "istio":
        return IstioDriver(seat, why=chosen.why)
    known = chosen.mesh is not None and chosen.mesh.name in ("istio", "ambient")
    return GatewayDriver(seat, regex=known, why=chosen.why)


def sidecar_labels(pods: list[Manifest]) -> tuple[tuple[str, str], ...]:
    """What an agent's Pod must be labelled with, to get a sidecar where the Service's Pods have
    got theirs by a label of their own and not by their namespace's."""
    for pod in pods:
        labels = pod["metadata"].get("labels") or {}
        found = [(key, labels[key]) for key in INJECTED_BY if key in labels]
        if found:
            return tuple(found)
    return ()


INJECTED_BY: Final = ("sidecar.istio.io/inject", "istio.io/rev")
