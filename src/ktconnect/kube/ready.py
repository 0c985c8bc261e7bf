"""Waiting for a Pod, with Kubernetes' own reason at once when it won't come."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from ktconnect.errors import Forbidden, KtError, Refused
from ktconnect.groups import task_group

from .client import Cluster
from .failures import Unauthorized
from .paths import Manifest
from .podstate import Broken, Ready, Waiting, created, failed_creation, verdict
from .watch import Event, uid

LOG_LINES = 20
ASK_LIMIT = 3.0  # seconds for a log or for events that only enrich an error


@dataclass(slots=True)
class Progress:
    """What is known while waiting; the pure part."""

    pods: dict[str, Manifest] = field(default_factory=dict)
    listed: bool = False  # all Pods that exist were told
    deployment: Manifest | None = None
    broken: Broken | None = None
    since: float = 0.0

    def take(self, event: Event, now: float) -> None:
        """Take in what happened to a Pod or to the Deployment at ``now`` (monotonic seconds)."""
        item = event.object
        if event.type == "SYNCED":
            self.listed = True
            return
        if item.get("kind") == "Deployment":
            self.deployment = item if event.type != "DELETED" else None
        elif event.type == "DELETED" or item["metadata"].get("deletionTimestamp"):
            self.pods.pop(uid(item), None)
        else:
            self.pods[uid(item)] = item
        broken = self._broken()
        if broken != self.broken:
            self.broken, self.since = broken, now

    def ready_pod(self) -> Manifest | None:
        """The newest Pod that serves, once all are known."""
        if not self.listed:
            return None
        serving = [pod for pod in self.pods.values() if isinstance(verdict(pod), Ready)]
        return max(serving, key=created, default=None)

    def given_up_at(self) -> float:
        """When the present trouble counts as lasting; endless without trouble."""
        return float("inf") if self.broken is None else self.since + self.broken.grace

    def state(self) -> str:
        """The last known state, for a person."""
        if self.broken is not None:
            return f"{self.broken.reason}: {self.broken.message}"
        states = [verdict(pod) for pod in self._newest_first()]
        waiting = [state.state for state in states if isinstance(state, Waiting)]
        return waiting[0] if waiting else "no Pod was created"

    def newest(self) -> Manifest | None:
        return next(iter(self._newest_first()), None)

    def _newest_first(self) -> Iterable[Manifest]:
        return sorted(self.pods.values(), key=created, reverse=True)

    def _broken(self) -> Broken | None:
        """Trouble of the newest Pod, else of creating one."""
        newest = self.newest()
        if newest is not None:
            found = verdict(newest)
            return found if isinstance(found, Broken) else None
        return failed_creation(self.deployment) if self.deployment else None


async def wait_ready(
    cluster: Cluster, namespace: str, labels: str, *, deployment: str = "", within: float = 60.0
) -> Manifest:
    """The Pod of a label selector, once it is ready.

    ``deployment`` names the one that makes it, so that failing to make it is heard of too.
    ``within`` seconds are the last resort.

    Raises: Refused with the reason that Kubernetes gives; Forbidden without the right to watch.
    """
    progress = Progress()
    try:
        async with asyncio.timeout(within):
            pod = await _ready_or_broken(cluster, namespace, labels, deployment, progress)
    except TimeoutError:
        raise Refused(
            f"no Pod was ready within {within:g} s; {progress.state()}"
            + await _last_warning(cluster, namespace, progress.newest()),
            hint="allow more time with --podCreationTimeout, or look with `kubectl describe pod`",
        ) from None
    if pod is None:
        raise await _refusal(cluster, namespace, progress)
    return pod


async def _ready_or_broken(
    cluster: Cluster, namespace: str, labels: str, deployment: str, progress: Progress
) -> Manifest | None:
    """The ready Pod, or None when ``progress.broken`` has lasted."""
    watches = [cluster.watch("v1/Pod", namespace, labels=labels)]
    if deployment:
        fields = f"metadata.name={deployment}"
        watches.append(cluster.watch("apps/v1/Deployment", namespace, fields=fields))
    happened: asyncio.Queue[Event] = asyncio.Queue()
    async with task_group() as group:
        tasks = [
            group.create_task(_feed(watch, happened, needed=index == 0))
            for index, watch in enumerate(watches)
        ]
        pod = await _decide(happened, progress)
        for task in tasks:
            task.cancel()
    return pod


async def _feed(
    watch: AsyncGenerator[Event, None], happened: asyncio.Queue[Event], *, needed: bool
) -> None:
    try:
        async with aclosing(watch) as events:
            async for event in events:
                if needed or event.object:
                    happened.put_nowait(event)
    except Unauthorized:
        raise
    except Forbidden:
        if needed:
            raise


async def _decide(happened: asyncio.Queue[Event], progress: Progress) -> Manifest | None:
    now = asyncio.get_running_loop().time
    while True:
        try:
            end = progress.given_up_at()
            async with asyncio.timeout_at(None if end == float("inf") else end):
                event = await happened.get()
        except TimeoutError:
            return None
        progress.take(event, now())
        pod = progress.ready_pod()
        if pod is not None:
            return pod


async def _refusal(cluster: Cluster, namespace: str, progress: Progress) -> Refused:
    broken, pod = progress.broken, progress.newest()
    assert broken is not None
    told = ""
    if broken.crashed and pod is not None:
        told = await _last_words(cluster, namespace, pod["metadata"]["name"], broken.crashed)
    return Refused(
        f"the Pod can't start, {broken.reason}: {broken.message}{told}", hint=broken.hint
    )


async def _last_words(cluster: Cluster, namespace: str, pod: str, container: str) -> str:
    for previous in (True, False):
        try:
            async with asyncio.timeout(ASK_LIMIT):
                log = await cluster.logs(
                    pod, namespace, container=container, tail=LOG_LINES, previous=previous
                )
        except (KtError, TimeoutError):
            continue
        if log.strip():
            return f"; its last words:\n{log.rstrip()}"
    return ""


async def _last_warning(cluster: Cluster, namespace: str, pod: Manifest | None) -> str:
    """The newest Warning event of a Pod, such as a volume that can't be mounted."""
    if pod is None:
        return ""
    fields = f"involvedObject.uid={uid(pod)},type=Warning"
    try:
        async with asyncio.timeout(ASK_LIMIT):
            events = await cluster.list("v1/Event", namespace, fields=fields)
    except (KtError, TimeoutError):
        return ""
    newest = max(events, key=lambda event: str(event.get("lastTimestamp")), default=None)
    return f" ({newest.get('reason')}: {newest.get('message')})" if newest else ""
