"""Which Pod or endpoint a new connection goes to. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from ktconnect.errors import KtError
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.modes.checks.seen import is_ready
from ktconnect.modes.targets import POD
from ktconnect.objects.session import Manifest
from ktconnect.wire.target import Target

from .goal import Goal
from .ports import Remote

OWN: Final = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "pod-template-generation",
        "batch.kubernetes.io/controller-uid",
        "controller-uid",
    }
)
"""Labels that a controller gives to one Pod, or to one generation of them."""


class Nowhere(KtError):
    """There is nothing that a connection could go to now."""


def choose(pods: Iterable[Manifest], current: str, goal: Goal) -> str:
    """The Pod for new connections: the one that was named, else the present one, else a ready one.

    One that isn't ready is better than none: somebody may want to see why. "" for none. Pure.
    """
    running = {pod["metadata"]["name"]: pod for pod in pods if _runs(pod)}
    ready = [name for name, pod in sorted(running.items()) if isinstance(verdict(pod), Ready)]
    named = goal.name if goal.kind == POD else ""
    for name in (named, current):
        if name in running and (name in ready or not ready):
            return name
    return next(iter(ready or sorted(running)), "")


def selector_of(pod: Manifest) -> dict[str, str]:
    """The labels that a Pod shares with those that may replace it; none if nothing controls it."""
    owners = pod["metadata"].get("ownerReferences") or ()
    if not any(owner.get("controller") for owner in owners):
        return {}
    labels = labels_of(pod["metadata"].get("labels"))
    return {key: value for key, value in labels.items() if key not in OWN}


def selector_text(labels: Mapping[str, str]) -> str:
    """Labels as the API takes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def labels_of(found: Mapping[str, str] | None) -> dict[str, str]:
    """Labels that may be missing."""
    return dict(found or {})


def is_headless(service: Manifest) -> bool:
    """Whether its clients are given the addresses of Pods, as it has none of its own."""
    spec = service["spec"]
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") in (None, "", "None")


def endpoint(goal: Goal, slices: Iterable[Manifest], remote: Remote, family: int) -> Target:
    """An endpoint of a Service that is ready. Raises: Nowhere. Pure."""
    found = [
        (str(one["addresses"][0]), number)
        for each in slices
        if (number := _port_in(each, remote))
        for one in each.get("endpoints") or ()
        if is_ready(one)
    ]
    wanted = [one for one in found if family in (0, 6 if ":" in one[0] else 4)]
    if not wanted:
        raise Nowhere(f"{goal} has no Pod that is ready")
    host, number = min(wanted)
    return Target(remote.protocol, host, number)


def _port_in(each: Manifest, remote: Remote) -> int:
    """The number of a Service's port in an EndpointSlice, which names it as the Service does."""
    for port in each.get("ports") or ():
        same = str(port.get("protocol", "TCP")).lower() == remote.protocol
        if same and (port.get("name") or "") == remote.name and port.get("port"):
            return int(port["port"])
    return 0


def _runs(pod: Manifest) -> bool:
    status = pod.get("status") or {}
    gone = "deletionTimestamp" in pod["metadata"]
    return not gone and status.get("phase") == "Running" and bool(status.get("podIP"))


def of_family(addresses: Iterable[str], family: int) -> str:
    listed = list(addresses)
    fits = [one for one in listed if family in (0, 6 if ":" in one else 4)]
    if not fits:
        raise Nowhere(f"there is no IPv{family} address among {', '.join(listed)}")
    return fits[0]
