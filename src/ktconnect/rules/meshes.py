"""Which mesh stands in the way of a Service's callers, and which driver of rules works there. Pure.

Rules of a mesh are read by the callers' proxies (sidecars) or on the Service's own side (waypoints
and proxies of nodes). Which callers there will be nobody knows; so the Service's Pods and its
namespace are looked at, in whose company most callers are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ktconnect.errors import UsageError

from .mtls import is_strict
from .plan import app_of

Manifest = Mapping[str, Any]
Name = Literal["istio", "ambient", "linkerd", "kuma", "cilium"]
Driver = Literal["router", "istio", "gateway"]

SIDECARS: Final[Mapping[str, Name]] = {
    "istio-proxy": "istio",
    "linkerd-proxy": "linkerd",
    "kuma-sidecar": "kuma",
}
INJECTED: Final[tuple[tuple[Name, str, frozenset[str]], ...]] = (
    ("istio", "istio-injection", frozenset(("enabled",))),
    ("istio", "istio.io/rev", frozenset()),
    ("linkerd", "linkerd.io/inject", frozenset(("enabled", "ingress"))),
    ("kuma", "kuma.io/sidecar-injection", frozenset(("enabled", "true"))),
)
"""What a namespace says if Pods in it get a sidecar; no values: any."""

CALLED: Final[Mapping[Name, str]] = {
    "istio": "Istio",
    "ambient": "Istio's ambient mode",
    "linkerd": "Linkerd",
    "kuma": "Kuma",
    "cilium": "Cilium",
}
AMBIENT: Final = "istio.io/dataplane-mode"
WAYPOINT: Final = "istio.io/use-waypoint"
CILIUM: Final = "io.cilium/"

VIRTUAL_SERVICES: Final = "virtualservices.networking.istio.io"
HTTP_ROUTES: Final = "httproutes.gateway.networking.k8s.io"
NEEDED: Final[Mapping[Driver, str]] = {
    "istio": VIRTUAL_SERVICES,
    "gateway": HTTP_ROUTES,
    "router": "",
}
MESH_RULES: Final = "`--mode router` needs no mesh, and works on every cluster"


@dataclass(frozen=True, slots=True)
class Around:
    """What is looked at. ``namespace``: None if the user may not see it.

    ``served``: kinds of rules that the API has, as ``plural.group``. ``controllers``: of its
    GatewayClasses. ``lacking``: by driver, the rights that the user has not, in words.
    ``policies``: PeerAuthentications of the namespace, and of Istio's own.
    """

    service: Manifest
    pods: Sequence[Manifest] = ()
    namespace: Manifest | None = None
    served: frozenset[str] = frozenset()
    controllers: frozenset[str] = frozenset()
    lacking: Mapping[Driver, str] = field(default_factory=dict)
    policies: Sequence[Manifest] = ()

    @property
    def name(self) -> str:
        """Of the Service."""
        return str(self.service["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh in the way; ``because`` says how that is known. ``reads``: whether anything there
    reads requests, and not connections alone."""

    name: Name
    because: str
    reads: bool = True

    def __str__(self) -> str:
        return CALLED[self.name]


@dataclass(frozen=True, slots=True)
class Choice:
    """A driver, why it is the one, and what is worth knowing, each in a sentence."""

    driver: Driver
    why: str
    notes: tuple[str, ...] = ()
    mesh: Mesh | None = None


def choose(asked: str, around: Around) -> Choice:
    """The driver for ``asked`` (``auto``, or one by name).

    Raises: UsageError where the one that was asked for can't work.
    """
    mesh = mesh_of(around)
    if asked == "auto":
        return _best(mesh, around)
    driver: Driver = "istio" if asked == "istio" else "gateway" if asked == "gateway" else "router"
    _check_served(driver, around)
    if driver == "router":
        _check_router(mesh, around)
    return Choice(driver, "it was asked for", tuple(_notes(driver, mesh, around)), mesh)


def mesh_of(around: Around) -> Mesh | None:
    """What stands beside the Service's Pods; or what its namespace asks for."""
    return next(_meshes(around), None)


def _meshes(around: Around) -> Iterator[Mesh]:
    for pod in around.pods:
        for container in _containers(pod):
            if container in SIDECARS:
                because = f"Pods of {around.name} have the sidecar {container}"
                yield Mesh(SIDECARS[container], because)
    if _is_ambient(around):
        waypoint = _waypoint(around)
        because = f"its Pods are in {CALLED['ambient']}"
        with_one = f", with waypoint {waypoint}" if waypoint else ", without a waypoint"
        yield Mesh("ambient", because + with_one, reads=bool(waypoint))
    said = _said(around.namespace) if around.namespace else {}
    for name, key, values in INJECTED:
        if key in said and (not values or said[key] in values):
            yield Mesh(name, f"its namespace has {key}={said[key]}")
    if any(each.startswith(CILIUM) for each in around.controllers):
        yield Mesh("cilium", "the cluster has a GatewayClass of Cilium")


def has_sidecar(pod: Manifest) -> bool:
    """Whether a proxy stands beside it, and takes what comes and goes."""
    return any(name in SIDECARS for name in _containers(pod))


def _containers(pod: Manifest) -> Iterator[str]:
    """Sidecars are init containers where Kubernetes keeps those running (KEP-753)."""
    for part in ("containers", "initContainers"):
        for each in pod["spec"].get(part) or ():
            yield each["name"]


def _said(item: Manifest) -> dict[str, str]:
    metadata = item["metadata"]
    return {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}


def _places(around: Around) -> Iterator[Manifest]:
    yield from around.pods
    if around.namespace is not None:
        yield around.namespace


def _is_ambient(around: Around) -> bool:
    """What a Pod says goes before what its namespace says."""
    for place in _places(around):
        if AMBIENT in (said := _said(place)):
            return said[AMBIENT] == "ambient"
    return False


def _waypoint(around: Around) -> str:
    for place in (around.service, around.namespace):
        name = _said(place).get(WAYPOINT) if place is not None else None
        if name is not None:
            return "" if name == "none" else name
    return ""


def _best(mesh: Mesh | None, around: Around) -> Choice:
    if mesh is None:
        return Choice("router", "no service mesh stands in the way")
    driver: Driver = "istio" if mesh.name == "istio" else "gateway"
    why_not = _why_not(driver, mesh, around)
    if why_not:
        _check_router(mesh, around)
        notes = tuple(_notes("router", mesh, around))
        return Choice("router", f"{mesh.because}, but {why_not}", notes, mesh)
    return Choice(driver, mesh.because, tuple(_notes(driver, mesh, around)), mesh)


def _why_not(driver: Driver, mesh: Mesh, around: Around) -> str:
    if not mesh.reads:
        return "nothing there reads requests"
    if NEEDED[driver] not in around.served:
        return f"the cluster has no {NEEDED[driver]}"
    if driver in around.lacking:
        return f"you may not {around.lacking[driver]}"
    return ""


def _check_served(driver: Driver, around: Around) -> None:
    if NEEDED[driver] and NEEDED[driver] not in around.served:
        what = "Istio" if driver == "istio" else "the Gateway API"
        raise UsageError(
            f"{what} is not there, or too old: the cluster has no {NEEDED[driver]} of version v1",
            hint=MESH_RULES,
        )


def _check_router(mesh: Mesh | None, around: Around) -> None:
    """A router has no sidecar, so it speaks to the Service's Pods in plain text.

    Raises: UsageError where they would not understand.
    """
    if mesh is None or mesh.name != "istio":
        return
    namespace = str(around.service["metadata"].get("namespace"))
    if is_strict(around.policies, namespace, around.pods):
        raise UsageError(
            f"Pods of {around.name} take mTLS alone (PeerAuthentication, STRICT), which a router "
            "has not: nobody would reach them through it",
            hint="`--mode istio` needs no router",
        )
    raw = [port for port in around.service["spec"].get("ports") or () if app_of(port) == "tcp"]
    if raw:
        raise UsageError(
            f"port {raw[0]['port']} of {around.name} is TCP: an Istio sidecar that takes mTLS and "
            "plain text waits for the client's first byte, so a server that speaks first would be "
            "silent behind a router",
            hint="`--mode istio` leaves that port alone",
        )


def _notes(driver: Driver, mesh: Mesh | None, around: Around) -> Iterable[str]:
    """What a driver can't do beside this mesh."""
    if driver == "router":
        if mesh is not None and mesh.name == "istio":
            yield (
                "callers with a sidecar of Istio go by its rules first, then by the router's; the "
                "router has no sidecar, so what it says to Pods is not encrypted"
            )
        return
    if mesh is None:
        yield f"no Pod of {around.name} is in a mesh: only callers that are in one are told apart"
    elif mesh.name in ("istio", "linkerd", "kuma"):
        yield "only callers that have a sidecar are told apart; all others get the original"
    if mesh is not None and not mesh.reads:
        yield f"{mesh.because}: nothing reads requests on the way, so nobody is told apart"
    if driver == "gateway" and mesh is not None and mesh.name == "linkerd":
        yield f"a ServiceProfile of {around.name} would win over its routes, silently"
