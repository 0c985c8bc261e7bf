"""The workload whose place `exchange --mode scale` takes, and the Services that lead to it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import Kind
from ktconnect.kube.scalable import KNOWN, SCALE, scalable_kind, scalable_word
from ktconnect.modes.checks.seen import Finding, is_ours, labels_of
from ktconnect.modes.targets import (
    DEPLOYMENT,
    POD,
    SERVICE,
    STATEFUL_SET,
    Wanted,
    selects,
    service_named,
    services_of,
    template_labels,
)
from ktconnect.objects.ports import Expose, PortMap, map_ports
from ktconnect.objects.scale import Workload, as_service, controller, workload_of
from ktconnect.objects.session import Manifest

from .scale_check import Scaling, check_scale, look_at_autoscalers


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """What taking a workload's place means, before anything is changed."""

    workload: Workload
    services: tuple[Manifest, ...]
    ports: tuple[PortMap, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Top:
    """Where a chain of controllers ends: ``boss`` is one above that can't be scaled."""

    found: Manifest
    kind: Kind | None
    boss: str = ""


async def plan_scale(
    cluster: Cluster, namespace: str, wanted: Wanted, exposes: Sequence[Expose]
) -> ScalePlan:
    """Look at what is named and around it. Raises: UsageError, Forbidden."""
    found, workload = await find_workload(cluster, namespace, wanted)
    services = await cluster.list(SERVICE, namespace)
    pods = await cluster.list(POD, namespace)
    leading = services_of(workload.labels, services)
    own = [pod for pod in pods if is_member(labels_of(pod), workload)]
    scaling = Scaling(
        workload, found, services, leading, pods, await look_at_autoscalers(cluster, namespace)
    )
    ports = map_ports(as_service(workload, leading, found), exposes, pods=own)
    findings = (*check_scale(scaling), *_unanswered(ports))
    return ScalePlan(workload, tuple(leading), ports, findings)


def _unanswered(ports: Sequence[PortMap]) -> Iterator[Finding]:
    """There is no origin that ports could be passed on to."""
    silent = [str(port) for port in ports if port.target is None]
    if silent:
        yield Finding(
            "warn",
            f"callers of port {', '.join(silent)} get no answer: --expose leaves them out, and "
            "the Pods that have answered go",
            "without --expose all ports come here",
        )
    if not ports:
        yield Finding(
            "refuse",
            "neither a Service nor the containers name a port to listen on",
            "name the port in the workload's template, or make a Service for it",
        )


def is_member(labels: Mapping[str, str], workload: Workload) -> bool:
    """Whether a Pod has all labels of the workload's."""
    return bool(workload.labels) and workload.labels.items() <= labels.items()


async def find_workload(
    cluster: Cluster, namespace: str, wanted: Wanted
) -> tuple[Manifest, Workload]:
    """The object that is scaled, and what is to know of it. Raises: UsageError, Forbidden."""
    top = await _named(cluster, namespace, wanted)
    if top.kind is None:
        raise UsageError(
            f"the Pods of {wanted.text} can't be scaled: {top.boss or 'nothing'} makes them",
            hint="--mode selector leaves them alone and takes their Service",
        )
    name = top.found["metadata"]["name"]
    scale = await cluster.get(top.kind, name, namespace, subresource=SCALE)
    return top.found, workload_of(top.found, place_of(top.kind), scale, boss=top.boss)


def place_of(kind: Kind) -> str:
    """A kind as keys have it."""
    return kind if isinstance(kind, str) else f"{kind.group}/{kind.version}/{kind.plural}"


async def _named(cluster: Cluster, namespace: str, wanted: Wanted) -> Top:
    if wanted.kind == SERVICE:
        return await _behind_service(cluster, namespace, wanted)
    if not wanted.word:
        return await _bare(cluster, namespace, wanted)
    kind: Kind | None = wanted.kind or await scalable_word(cluster, wanted.word)
    if kind is None:
        raise UsageError(
            f"{wanted.text}: the cluster has no kind {wanted.word} that can be scaled",
            hint="name a deployment/…, statefulset/…, or a Service that leads to it",
        )
    try:
        found = await cluster.get(kind, wanted.name, namespace)
    except NotFound:
        raise UsageError(
            f"there is no {wanted.text} in namespace {namespace}",
            hint="-n names another namespace",
        ) from None
    scalable = kind if not isinstance(kind, str) or kind in KNOWN else None
    maker = "" if scalable or kind == POD else wanted.text
    return await climb(cluster, Top(found, scalable, maker))


async def climb(cluster: Cluster, top: Top) -> Top:
    """Up the chain of controllers, as far as they can be scaled: Pod, ReplicaSet, Deployment …"""
    while owner := controller(top.found):
        kind = await scalable_kind(cluster, owner["apiVersion"], owner["kind"])
        if kind is None:
            return Top(top.found, top.kind, f"{owner['kind']} {owner['name']}")
        namespace = top.found["metadata"]["namespace"]
        top = Top(await cluster.get(kind, owner["name"], namespace), kind)
    return top


async def _bare(cluster: Cluster, namespace: str, wanted: Wanted) -> Top:
    """A name alone is a Service's, else a workload's."""
    services = await cluster.list(SERVICE, namespace)
    if service_named(services, wanted.name) is not None:
        return await _behind_service(cluster, namespace, wanted)
    for kind in (DEPLOYMENT, STATEFUL_SET):
        try:
            found = await cluster.find(kind, wanted.name, namespace)
        except Forbidden:
            continue
        if found is not None:
            return await climb(cluster, Top(found, kind))
    raise UsageError(
        f"there is no Service, Deployment or StatefulSet {wanted.name} in namespace {namespace}",
        hint="-n names another namespace",
    )


async def _behind_service(cluster: Cluster, namespace: str, wanted: Wanted) -> Top:
    service = service_named(await cluster.list(SERVICE, namespace), wanted.name)
    if service is None:
        raise UsageError(
            f"there is no Service {wanted.name} in namespace {namespace}",
            hint="-n names another namespace",
        )
    tops = await _makers(cluster, namespace, service)
    if len(tops) == 1:
        return tops[0]
    if not tops:
        raise UsageError(
            f"Service {wanted.name} has no Pods that anything makes",
            hint="name the workload itself, for example deployment/NAME",
        )
    names = sorted(f"{top.found['kind'].lower()}/{top.found['metadata']['name']}" for top in tops)
    raise UsageError(
        f"the Pods of Service {wanted.name} are made by several: {', '.join(names)}",
        hint=f"name the one that you mean, for example {names[0]}",
    )


async def _makers(cluster: Cluster, namespace: str, service: Manifest) -> list[Top]:
    """What makes the Pods of a Service; where there are none, what would make them."""
    pods = await cluster.list(POD, namespace)
    backends = [pod for pod in pods if selects(service, labels_of(pod)) and not is_ours(pod)]
    parents = {str((controller(pod) or pod["metadata"])["uid"]): pod for pod in backends}
    try:
        tops = [await climb(cluster, Top(pod, None)) for pod in parents.values()]
    except Forbidden:  # ReplicaSets may not be looked at
        tops = []
    if not tops:
        tops = [Top(found, kind) for kind, found in await _templates(cluster, namespace, service)]
    unique = {str(top.found["metadata"]["uid"]): top for top in tops}
    return list(unique.values())


async def _templates(
    cluster: Cluster, namespace: str, service: Manifest
) -> Iterable[tuple[Kind, Manifest]]:
    found: list[tuple[Kind, Manifest]] = []
    for kind in (DEPLOYMENT, STATEFUL_SET):
        try:
            workloads = await cluster.list(kind, namespace)
        except Forbidden:
            continue
        found += [(kind, each) for each in workloads if selects(service, template_labels(each))]
    return [(kind, each) for kind, each in found if not is_ours(each)]
