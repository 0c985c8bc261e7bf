"""What `exchange --mode scale` needs to know of a workload, its Services and its autoscalers. Pure.

The agent's Pod takes the workload's place, so it carries *all* labels of the workload's template:
a Service may select by any of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ktconnect.names import REPLICAS

from .session import Manifest

POD_NAME = "statefulset.kubernetes.io/pod-name"
PAUSED = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas")


@dataclass(frozen=True, slots=True)
class Workload:
    """Something with a ``scale`` subresource.

    ``kind`` for people (Deployment), ``place`` as keys have it (``apps/v1/Deployment``, or
    ``argoproj.io/v1alpha1/rollouts``); ``labels`` of its Pods; ``boss``: what manages it itself.
    """

    kind: str
    place: str
    namespace: str
    name: str
    replicas: int
    labels: Mapping[str, str]
    boss: str = ""

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    @property
    def key(self) -> str:
        """The field that is changed, as journals name it."""
        return f"{self.place}/{self.namespace}/{self.name}/scale#{REPLICAS}"


def workload_of(found: Manifest, place: str, scale: Manifest, *, boss: str = "") -> Workload:
    """The workload ``found``, with its Scale (autoscaling/v1) as the server returned it."""
    metadata = found["metadata"]
    return Workload(
        kind=str(found["kind"]),
        place=place,
        namespace=metadata["namespace"],
        name=metadata["name"],
        replicas=int((scale.get("spec") or {}).get("replicas", 0)),
        labels=_template(found) or _equalities((scale.get("status") or {}).get("selector", "")),
        boss=boss,
    )


def controller(of: Manifest) -> Manifest | None:
    """The owner that manages it (owner references, ``controller: true``)."""
    owners = of["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def as_service(workload: Workload, services: Sequence[Manifest], found: Manifest) -> Manifest:
    """One Service with the ports of all that lead to the workload, each once.

    Where none does: with the ports of its containers.
    """
    ports = [port for each in services for port in each["spec"].get("ports") or ()]
    if not ports:
        spec = ((found.get("spec") or {}).get("template") or {}).get("spec") or {}
        ports = [_as_service_port(port) for port in _container_ports(spec)]
    unique = {_identity(port): port for port in reversed(ports)}
    ordered = [port for port in ports if unique[_identity(port)] is port]
    return {"metadata": {"name": workload.name}, "spec": {"ports": ordered}}


def autoscalers_of(workload: Workload, autoscalers: Iterable[Manifest]) -> list[Manifest]:
    """Those (HorizontalPodAutoscaler, KEDA's ScaledObject) that scale the workload."""
    return [each for each in autoscalers if _aims_at(each, workload)]


def is_paused(scaled_object: Manifest) -> bool:
    """Whether KEDA leaves it alone (KEDA, "Pausing autoscaling")."""
    annotations = scaled_object["metadata"].get("annotations") or {}
    return any(annotations.get(name, "false") != "false" for name in PAUSED)


def _aims_at(autoscaler: Manifest, workload: Workload) -> bool:
    aim = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return aim.get("name") == workload.name and aim.get("kind", "Deployment") == workload.kind


def _template(found: Manifest) -> dict[str, str]:
    template = (found.get("spec") or {}).get("template") or {}
    return dict((template.get("metadata") or {}).get("labels") or {})


def _equalities(selector: str) -> dict[str, str]:
    """``a=b,c=d`` as a Scale writes it; sets (``a in (b)``) can't be carried as labels."""
    pairs = (part.partition("=") for part in selector.split(",") if "(" not in part)
    return {key: value.lstrip("=") for key, equals, value in pairs if equals and key[-1:] != "!"}


def _identity(port: Manifest) -> tuple[str, str, str]:
    return (
        str(port.get("protocol") or "TCP"),
        str(port["port"]),
        str(port.get("targetPort") or port["port"]),
    )


def _container_ports(spec: Manifest) -> Iterable[Manifest]:
    for container in spec.get("containers") or ():
        yield from container.get("ports") or ()


def _as_service_port(port: Manifest) -> Manifest:
    number = port["containerPort"]
    target = port.get("name") or number
    found = {"port": number, "targetPort": target, "protocol": port.get("protocol") or "TCP"}
    return {**found, "name": str(port.get("name", ""))}
