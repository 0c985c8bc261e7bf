"""Where a target's connections go now: followed in the cluster, asked at each connection."""

from collections.abc import Callable
from typing import Protocol

from ktconnect.errors import UsageError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.modes.checks.seen import SLICE, SLICE_OF
from ktconnect.modes.targets import POD, SERVICE
from ktconnect.modes.watched import Which, watched
from ktconnect.objects.session import Manifest
from ktconnect.wire.target import Target

from .choose import (
    Nowhere,
    choose,
    endpoint,
    is_headless,
    labels_of,
    of_family,
    selector_of,
    selector_text,
)
from .goal import HOST, Goal
from .ports import Remote, number_in, ports_of_host, ports_of_pods, ports_of_service

OnMove = Callable[[str], object]


class Leading(Protocol):
    """Follows one target."""

    async def start(self) -> tuple[Remote, ...]:
        """Look at it once, and find the ports. Raises: UsageError, Forbidden, Unreachable."""

    async def follow(self) -> None:
        """Keep up with the cluster until cancelled. Raises: Forbidden."""

    def target(self, remote: Remote) -> Target:
        """Where a new connection to this port goes. Raises: Nowhere."""


def leading(cluster: Cluster, namespace: str, goal: Goal, family: int, moved: OnMove) -> Leading:
    """What follows ``goal``; ``moved`` hears in words that connections go elsewhere from now on.

    ``family``: 4 or 6 for that IP version alone, 0 for the cluster's first.
    """
    if goal.kind == HOST:
        return HostLead(goal)
    if goal.kind == SERVICE:
        return ServiceLead(cluster, namespace, goal, family)
    return PodLead(cluster, namespace, goal, family, moved)


class HostLead:
    """A name or an address: the agent finds it, at each connection."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal

    async def start(self) -> tuple[Remote, ...]:
        """See Leading."""
        return ports_of_host(self._goal)

    async def follow(self) -> None:
        """See Leading."""

    def target(self, remote: Remote) -> Target:
        """See Leading."""
        return Target(remote.protocol, self._goal.name, remote.number)


class ServiceLead:
    """A Service: its cluster IP, behind which kube-proxy finds a Pod; without one its endpoints."""

    def __init__(self, cluster: Cluster, namespace: str, goal: Goal, family: int) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._goal = goal
        self._family = family
        self._service: Manifest | None = None
        self._slices: dict[str, Manifest] = {}

    async def start(self) -> tuple[Remote, ...]:
        """See Leading."""
        namespace, name = self._namespace, self._goal.name
        self._service = await _get(self._cluster, self._goal, namespace)
        if is_headless(self._service):
            labels = f"{SLICE_OF}={name}"
            found = await self._cluster.list(SLICE, namespace, labels=labels)
            self._slices = {each["metadata"]["name"]: each for each in found}
        if not self._service["spec"].get("ports") and self._goal.ports:  # ExternalName has none
            return ports_of_host(self._goal)
        return ports_of_service(self._goal, self._service)

    async def follow(self) -> None:
        """See Leading."""
        async with task_group() as tasks:
            tasks.create_task(self._follow_service())
            if self._service is not None and is_headless(self._service):
                which = Which(SLICE, self._namespace, labels=f"{SLICE_OF}={self._goal.name}")
                tasks.create_task(watched(self._cluster, which, self._slices, _nothing))

    def target(self, remote: Remote) -> Target:
        """See Leading."""
        if self._service is None:
            raise Nowhere(f"{self._goal} is gone from namespace {self._namespace}")
        spec = self._service["spec"]
        if spec.get("type") == "ExternalName":
            return Target(remote.protocol, str(spec["externalName"]), remote.number)
        if not is_headless(self._service):
            addresses = spec.get("clusterIPs") or [spec["clusterIP"]]
            return Target(remote.protocol, of_family(addresses, self._family), remote.number)
        return endpoint(self._goal, self._slices.values(), remote, self._family)

    async def _follow_service(self) -> None:
        found: dict[str, Manifest] = {}

        def changed() -> None:
            self._service = found.get(self._goal.name)

        which = Which(SERVICE, self._namespace, fields=f"metadata.name={self._goal.name}")
        await watched(self._cluster, which, found, changed)


class PodLead:
    """A Pod, or any Pod of a workload; when it is replaced, the one that took its place."""

    def __init__(
        self, cluster: Cluster, namespace: str, goal: Goal, family: int, moved: OnMove
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._goal = goal
        self._family = family
        self._moved = moved
        self._pods: dict[str, Manifest] = {}
        self._selector: dict[str, str] = {}
        self._current = ""

    async def start(self) -> tuple[Remote, ...]:
        """See Leading."""
        found = await _get(self._cluster, self._goal, self._namespace)
        if self._goal.kind == POD:
            self._selector = selector_of(found)
            self._pods = {self._goal.name: found}
        else:
            self._selector = labels_of((found["spec"].get("selector") or {}).get("matchLabels"))
            labels = selector_text(self._selector)
            pods = await self._cluster.list(POD, self._namespace, labels=labels)
            self._pods = {pod["metadata"]["name"]: pod for pod in pods}
            if not pods:
                raise UsageError(
                    f"{self._goal} has no Pods", hint="scale it up, or forward something else"
                )
        ports = ports_of_pods(self._goal, list(self._pods.values()))
        self._choose()
        return ports

    async def follow(self) -> None:
        """See Leading."""
        if self._selector:
            which = Which(POD, self._namespace, labels=selector_text(self._selector))
        else:
            which = Which(POD, self._namespace, fields=f"metadata.name={self._goal.name}")
        await watched(self._cluster, which, self._pods, self._choose)

    def target(self, remote: Remote) -> Target:
        """See Leading."""
        pod = self._pods.get(self._current)
        if pod is None:
            raise Nowhere(f"no Pod of {self._goal} runs in namespace {self._namespace}")
        port = number_in(pod, remote)
        if not port:
            raise Nowhere(f"pod/{self._current} has no port named {remote.name}")
        addresses = [each["ip"] for each in pod["status"].get("podIPs") or ()]
        address = of_family(addresses or [pod["status"]["podIP"]], self._family)
        return Target(remote.protocol, address, port)

    def _choose(self) -> None:
        before = self._current
        self._current = choose(self._pods.values(), before, self._goal)
        if self._current and self._current != before and (before or self._is_another()):
            left = f"pod/{before} is gone" if before else f"{self._goal} is gone"
            self._moved(f"{left}: connections of {self._goal} go to pod/{self._current} now")

    def _is_another(self) -> bool:
        return self._goal.kind == POD and self._current != self._goal.name


async def _get(cluster: Cluster, goal: Goal, namespace: str) -> Manifest:
    try:
        return await cluster.get(goal.kind, goal.name, namespace)
    except NotFound:
        raise UsageError(
            f"there is no {goal} in namespace {namespace}",
            hint="-n names another namespace; host:port goes to anything the cluster reaches",
        ) from None


def _nothing() -> None:
    """Who is asked at each connection needs no telling."""
