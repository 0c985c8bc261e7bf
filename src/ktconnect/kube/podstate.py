"""What a Pod's status says about its chances. Pure: manifest in, verdict out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ktconnect import names

from .paths import Manifest

GRACE = 3.0  # seconds that a scheduler or controller gets to change its mind
ADMITTED = 1.0  # seconds that a refused creation gets to be tried once more
NEW_NAMESPACE = 30.0  # seconds that a new namespace's `default` ServiceAccount gets to be made

IMAGE_REASONS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
}
START_REASONS = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PreCreateHookError",
    "PostStartHookError",
}
CRASH = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True)
class Ready:
    """The Pod serves."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet, and nothing is wrong so far; ``state`` in a few words."""

    state: str


@dataclass(frozen=True, slots=True)
class Broken:
    """It won't come up as it is; true after ``grace`` seconds of no change."""

    reason: str
    message: str
    hint: str
    grace: float = 0.0
    crashed: str = ""  # the container whose log tells more


Verdict = Ready | Waiting | Broken


def verdict(pod: Manifest) -> Verdict:
    """What to think of a Pod."""
    status = pod.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    if (conditions.get("Ready") or {}).get("status") == "True" or _waits_for_us(pod):
        return Ready()
    if status.get("phase") == "Failed":
        reason = status.get("reason") or "Failed"
        return Broken(reason, status.get("message") or "the Pod failed", "look at its log", GRACE)
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        message = scheduled.get("message") or "no node takes the Pod"
        return Broken("Unschedulable", message, "free capacity, or change --nodeSelector", GRACE)
    for container in _containers(status):
        found = _broken(container)
        if found is not None:
            return found
    return Waiting(_state(status, scheduled))


def _waits_for_us(pod: Manifest) -> bool:
    """Whether it has started, and becomes ready only by a laptop that comes to it."""
    notes = (pod.get("metadata") or {}).get("annotations") or {}
    containers = list(_containers(pod.get("status") or {}))
    started = bool(containers) and all(each.get("started") is True for each in containers)
    return names.ANNOTATION_READY in notes and started


def created(pod: Manifest) -> str:
    """When it was; orders Pods by age."""
    return str(pod["metadata"].get("creationTimestamp", ""))


def described(verdict: Verdict) -> str:
    """A verdict in a few words."""
    match verdict:
        case Broken():
            return f"{verdict.reason}: {verdict.message}"
        case Waiting():
            return verdict.state
        case Ready():
            return "ready"


def _containers(status: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _broken(container: dict[str, Any]) -> Broken | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason") or "", waiting.get("message") or ""
    if reason in IMAGE_REASONS:
        hint = "check --image and --imagePullSecret, and that the nodes reach the registry"
        return Broken(reason, f"image {container.get('image')}: {message or reason}", hint)
    if reason in START_REASONS:
        return Broken(reason, message or reason, "`kubectl describe pod` tells more")
    if reason == CRASH:
        name = str(container["name"])
        return Broken(reason, _ended(container), f"look at the log of container {name}", 0.0, name)
    return None


def _ended(container: dict[str, Any]) -> str:
    last = (container.get("lastState") or {}).get("terminated") or {}
    detail = last.get("message") or last.get("reason") or ""
    code = last.get("exitCode", "?")
    return f"container {container['name']} ended with {code}{f' ({detail})' if detail else ''}"


def _state(status: dict[str, Any], scheduled: dict[str, Any]) -> str:
    for container in _containers(status):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return f"container {container['name']}: {waiting.get('reason', 'waiting')}"
        if not container.get("ready"):
            return f"container {container['name']} runs, but is not ready"
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason") or "not scheduled")
    return str(status.get("phase") or "Pending")


_NO_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found')


def failed_creation(deployment: Manifest) -> Broken | None:
    """Why a Deployment's Pods can't even be created: quota, Pod Security, other admission."""
    for each in (deployment.get("status") or {}).get("conditions") or ():
        if each["type"] == "ReplicaFailure" and each["status"] == "True":
            return _refused(each.get("reason", "FailedCreate"), each.get("message", ""))
    return None


def _refused(reason: str, message: str) -> Broken:
    missing = _NO_ACCOUNT.search(message)
    if missing is None:
        hint = "a rule of the cluster or namespace forbids the Pod; --podQuota sets its size"
        return Broken(reason, message, hint, ADMITTED)
    # The `default` one is made by a controller, some moments after its namespace.
    grace = NEW_NAMESPACE if missing[1] == "default" else ADMITTED
    hint = f"make the ServiceAccount {missing[1]}, or name one that exists with --serviceAccount"
    return Broken(reason, message, hint, grace)
