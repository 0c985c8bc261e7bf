"""What is looked at before a Service's callers are taken, and what comes out of a check."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ktconnect import names
from ktconnect.errors import Forbidden, UsageError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import Kind, Resource
from ktconnect.modes.report import Reporter
from ktconnect.modes.targets import POD, SERVICE, STUNTMAN, selects
from ktconnect.objects.origin import SUFFIX
from ktconnect.objects.session import Manifest

log = logging.getLogger(__name__)

Level = Literal["refuse", "warn", "note"]
Found = Iterator["Finding"]

SLICE: Final = "discovery.k8s.io/v1/EndpointSlice"
SLICE_OF: Final = "kubernetes.io/service-name"  # label of the Service's EndpointSlices
ISTIO: Final = "networking.istio.io"
VERSIONS: Final = ("v1", "v1beta1")  # v1 came with Istio 1.22


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check; ``refuse`` means that nothing may be changed."""

    level: Level
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A Service and what is around it; None for what the user may not look at.

    ``services`` and ``pods`` are all of the namespace, ``slices`` the Service's own.
    """

    service: Manifest
    services: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    slices: Sequence[Manifest] | None = None
    rules: Sequence[Manifest] | None = None  # DestinationRules
    routes: Sequence[Manifest] | None = None  # VirtualServices

    @property
    def name(self) -> str:
        return str(self.service["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.service["metadata"]["namespace"])

    @property
    def backends(self) -> list[Manifest]:
        """The Pods that the Service selects."""
        return [pod for pod in self.pods if selects(self.service, labels_of(pod))]

    @property
    def neighbours(self) -> list[Manifest]:
        """Other Services, none of ours, that have one of its Pods as a backend."""
        others = [each for each in self.services if not is_ours(each)]
        return [
            each
            for each in others
            if each["metadata"]["name"] != self.name
            and any(selects(each, labels_of(pod)) for pod in self.backends)
        ]


def enforce(findings: Iterable[Finding], reporter: Reporter) -> None:
    """Tell notes and warnings. Raises: UsageError with every refusal, after them."""
    refusals: list[Finding] = []
    for finding in findings:
        if finding.level == "refuse":
            refusals.append(finding)
        elif finding.level == "warn":
            reporter.warn(finding.message, finding.hint)
        else:
            reporter.note(finding.message)
    if refusals:
        hints = dict.fromkeys(each.hint for each in refusals if each.hint)
        raise UsageError("; ".join(each.message for each in refusals), hint="; ".join(hints))


async def look(cluster: Cluster, service: Manifest) -> Seen:
    """Read what is around a Service, as far as the user may. Raises: Unreachable, Forbidden."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    async with task_group() as tasks:
        services = tasks.create_task(cluster.list(SERVICE, namespace))
        pods = tasks.create_task(cluster.list(POD, namespace))
        own = f"{SLICE_OF}={name}"
        slices = tasks.create_task(list_optional(cluster, SLICE, namespace, own))
        rules = tasks.create_task(_istio(cluster, "destinationrules", namespace))
        routes = tasks.create_task(_istio(cluster, "virtualservices", namespace))
    found = (each.result() for each in (slices, rules, routes))
    return Seen(service, services.result(), pods.result(), *found)


async def list_optional(
    cluster: Cluster, kind: Kind, namespace: str, labels: str = ""
) -> list[Manifest] | None:
    """All there are; None if the user may not look, or the cluster has no such kind."""
    try:
        return await cluster.list(kind, namespace, labels=labels)
    except (Forbidden, NotFound) as error:
        log.debug("left out of the checks: %s", error)
        return None


async def _istio(cluster: Cluster, plural: str, namespace: str) -> list[Manifest] | None:
    for version in VERSIONS:
        found = await list_optional(cluster, Resource(ISTIO, version, plural), namespace)
        if found is not None:
            return found
    return None


def labels_of(item: Manifest) -> Mapping[str, str]:
    """The labels of an object."""
    return item["metadata"].get("labels") or {}


def is_ready(endpoint: Manifest) -> bool:
    """An endpoint without the condition counts as ready (Kubernetes, "EndpointSlices")."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def is_ours(item: Manifest) -> bool:
    """Whether it is a session's, of ktctl or of KT Connect, and not the user's."""
    name = item["metadata"]["name"]
    return names.LABEL_ROLE in labels_of(item) or name.endswith((SUFFIX, STUNTMAN))
