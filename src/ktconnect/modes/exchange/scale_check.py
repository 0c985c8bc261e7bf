"""What speaks against taking a workload's place, or is worth knowing first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ktconnect import names
from ktconnect.kube.client import Cluster
from ktconnect.kube.paths import Kind, Resource
from ktconnect.modes.checks.seen import Finding, Found, is_ours, labels_of, list_optional
from ktconnect.modes.targets import selects
from ktconnect.objects.scale import Workload, autoscalers_of, is_paused
from ktconnect.objects.session import Manifest

AUTOSCALERS: Final[tuple[Kind, ...]] = (
    Resource("autoscaling", "v2", "horizontalpodautoscalers"),
    Resource("keda.sh", "v1alpha1", "scaledobjects"),
)
OLD_SHADOW: Final = "shadow-exchange"


@dataclass(frozen=True, slots=True)
class Scaling:
    """A workload (``found`` its manifest) and what is around it.

    ``services`` and ``pods`` are all of the namespace, ``leading`` the Services that will lead to
    the agent, ``autoscalers`` None for what the user may not look at.
    """

    workload: Workload
    found: Manifest
    services: Sequence[Manifest] = ()
    leading: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    autoscalers: Sequence[Manifest] = ()


async def look_at_autoscalers(cluster: Cluster, namespace: str) -> list[Manifest]:
    """All that the user may see. Raises: Unreachable."""
    found = [await list_optional(cluster, kind, namespace) for kind in AUTOSCALERS]
    return [each for some in found for each in some or ()]


def check_scale(seen: Scaling) -> tuple[Finding, ...]:
    """All findings for ``exchange --mode scale``."""
    return tuple(finding for check in CHECKS for finding in check(seen))


def _taken(seen: Scaling) -> Found:
    """KT Connect's shadow says ``app=web,replicas=2`` of the Deployment whose place it has."""
    start = f"app={seen.workload.name},"
    for pod in seen.pods:
        notes = pod["metadata"].get("annotations") or {}
        if labels_of(pod).get(names.LABEL_ROLE) == OLD_SHADOW and str(
            notes.get(names.ANNOTATION_CONFIG, "")
        ).startswith(start):
            yield Finding(
                "refuse",
                f"{seen.workload} is taken with KT Connect by "
                f"{notes.get(names.ANNOTATION_USER, 'someone')}",
                f"ask them to end it; if nobody runs it any more, "
                f"`ktctl recover {seen.workload.name}`",
            )
            return


def _volumes(seen: Scaling) -> Found:
    policy = seen.found["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if policy.get("whenScaled") == "Delete" and seen.found["spec"].get("volumeClaimTemplates"):
        yield Finding(
            "refuse",
            f"{seen.workload} deletes its volumes when it is scaled down "
            "(persistentVolumeClaimRetentionPolicy)",
            "--mode selector leaves its Pods and their data alone",
        )


def _labels(seen: Scaling) -> Found:
    if not seen.workload.labels:
        yield Finding(
            "refuse",
            f"it is not known which labels the Pods of {seen.workload} have",
            "--mode selector with their Service needs none",
        )


def _no_origin(seen: Scaling) -> Found:
    if seen.workload.replicas:
        count = "its only Pod" if seen.workload.replicas == 1 else f"{seen.workload.replicas} Pods"
        yield Finding(
            "warn",
            f"{seen.workload} is scaled to 0 ({count} will end): "
            "while this machine is away nobody answers its callers",
            "--mode selector keeps the Pods, and callers go back to them within seconds",
        )
    else:
        yield Finding("note", f"{seen.workload} has 0 replicas already, and keeps them")


def _autoscalers(seen: Scaling) -> Found:
    for each in autoscalers_of(seen.workload, seen.autoscalers):
        what = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] != "ScaledObject":
            yield Finding("note", f"{what} rests while there are 0 replicas; it is left alone")
        elif is_paused(each):
            yield Finding("note", f"{what} is paused; it is left alone")
        else:
            yield Finding(
                "warn",
                f"{what} (KEDA) may scale {seen.workload} up again, and callers be shared with it",
                f"pause it: kubectl annotate scaledobject {each['metadata']['name']} "
                "autoscaling.keda.sh/paused=true",
            )


def _boss(seen: Scaling) -> Found:
    if seen.workload.boss:
        yield Finding(
            "warn",
            f"{seen.workload} is managed by {seen.workload.boss}, which may scale it up again",
            "--mode selector does not touch it",
        )


def _services(seen: Scaling) -> Found:
    """Who will find the agent, whom it shares callers with, and who will find nobody."""
    labels = seen.workload.labels
    own = [pod for pod in seen.pods if labels.items() <= labels_of(pod).items()]
    others = [pod for pod in seen.pods if pod not in own and not is_ours(pod)]
    if not seen.leading:
        yield Finding(
            "warn", f"no Service leads to {seen.workload}: callers need its Pod's address"
        )
    shared = [each for each in seen.leading if any(selects(each, labels_of(p)) for p in others)]
    for service in shared:
        yield Finding(
            "warn",
            f"Service {service['metadata']['name']} leads to other Pods too: "
            "only a part of its callers come here",
            "name the Service with --mode selector to have all of them",
        )
    lost = [
        each["metadata"]["name"]
        for each in seen.services
        if not selects(each, labels) and any(selects(each, labels_of(pod)) for pod in own)
    ]
    if lost:
        yield Finding(
            "warn",
            f"callers of {', '.join(sorted(lost))} will find nobody: it leads to single Pods",
        )


def _records(seen: Scaling) -> Found:
    for service in seen.leading:
        name = service["metadata"]["name"]
        if (
            service["spec"].get("clusterIP") == "None"
            and seen.found["spec"].get("serviceName") == name
        ):
            yield Finding(
                "warn",
                f"the names of single Pods ({seen.workload.name}-0.{name} …) vanish with them",
            )


CHECKS: Final[tuple[Callable[[Scaling], Found], ...]] = (
    _taken,
    _volumes,
    _labels,
    _no_origin,
    _autoscalers,
    _boss,
    _services,
    _records,
)
