"""Stops a mode at any single API call, and looks what the next `clean` makes of it.

``kill``: from call n on nothing of the process reaches the API server any more; call n itself does
(its answer is lost) or does not. ``fail``: call n fails, and all others work: the mode undoes
itself as far as it can. A subject takes a cluster, sets up, and undoes in the end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from tests.unit.kube.fakeanswers import Answer, Asked, failed
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.kube.fakerest import direct_cluster
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import KtError
from ktconnect.kube.client import Cluster
from ktconnect.modes.clean import CleanSpec, clean_cluster

How = Literal["kill before", "kill after", "fail"]
HOWS: tuple[How, ...] = ("kill before", "kill after", "fail")
Subject = Callable[[Cluster], Coroutine[Any, Any, None]]
NOW = 1_790_000_000.0


class Interrupted(FakeApi):
    """Numbers the calls, and stops at one of them."""

    def __init__(self, stop_at: int = 0, how: How = "fail") -> None:
        super().__init__()
        self.now = NOW
        self.calls: list[str] = []
        self._stop_at, self._how = stop_at, how
        self.armed = True
        self.killed = asyncio.Event()

    def _answer(self, asked: Asked) -> Answer:
        if not self.armed or asked.path.endswith("reviews"):
            return super()._answer(asked)
        self.calls.append(f"{asked.method} {asked.path}")
        number = len(self.calls)
        if self._stop_at and self._how == "fail" and number == self._stop_at:
            return failed(403, "Forbidden", "stopped by the test")
        if self._stop_at and self._how != "fail" and number >= self._stop_at:
            self.killed.set()
            if number == self._stop_at and self._how == "kill after":
                super()._answer(asked)
            return Answer(cut=True)
        return super()._answer(asked)

    def _create(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        """A router that is made comes up at once."""
        answer = super()._create(asked, kind, namespace, name)
        if kind.endswith("/Deployment") and answer.status == 201 and _is_router(answer.body):
            self.put(_pod_of(answer.body))
        return answer

    def collect(self) -> None:
        """What Kubernetes' garbage collector does: what all owners of are gone goes too."""
        while gone := [key for key, item in self.objects.items() if self._is_orphan(item)]:
            for kind, namespace, name in gone:
                self.remove(kind, name, namespace)

    def _is_orphan(self, item: dict[str, Any]) -> bool:
        owners = {each["uid"] for each in item["metadata"].get("ownerReferences") or ()}
        return bool(owners) and not owners & {
            each["metadata"]["uid"] for each in self.objects.values()
        }

    def users_own(self) -> dict[Any, Any]:
        """All objects, without what a server counts."""
        counted = ("resourceVersion", "creationTimestamp")
        return {
            key: {
                **item,
                "metadata": {k: v for k, v in item["metadata"].items() if k not in counted},
            }
            for key, item in self.objects.items()
        }


def _is_router(made: dict[str, Any]) -> bool:
    return bool(made["metadata"]["name"].endswith("-kt-router"))


def _pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    metadata, template = deployment["metadata"], deployment["spec"]["template"]["metadata"]
    owner = {"kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{metadata['name']}-1",
            "namespace": metadata["namespace"],
            "labels": template["labels"],
            "ownerReferences": [owner],
        },
        "spec": {"nodeName": "node1"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


async def ended(running: Coroutine[Any, Any, None], killed: asyncio.Event) -> None:
    """Until it ends by itself, or is killed; what it still tries then reaches nobody."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_told(running))
        watching = tasks.create_task(killed.wait())
        await asyncio.wait({task, watching}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        watching.cancel()


async def _told(running: Coroutine[Any, Any, None]) -> None:
    with suppress(KtError, TimeoutError):
        await running


def _over_http(api: FakeApi) -> Cluster:
    return Cluster(api.config())


@asynccontextmanager
async def running(
    api: Interrupted,
    *manifests: dict[str, Any],
    client: Callable[[FakeApi], Cluster] = direct_cluster,
) -> AsyncIterator[Cluster]:
    for manifest in manifests:
        api.put(manifest)
    async with api.serving(), client(api) as cluster:
        yield cluster


async def calls_of(subject: Subject, *manifests: dict[str, Any]) -> list[str]:
    """Every call of a run that nothing stops, over HTTP; it leaves nothing behind."""
    api = Interrupted()
    async with running(api, *manifests, client=_over_http) as cluster:
        before = api.users_own()
        await subject(cluster)
        api.collect()
        assert api.users_own() == before
    return api.calls


async def interrupted(subject: Subject, at: int, how: How, *manifests: dict[str, Any]) -> str:
    """Stop at one call, then clean as somebody else two minutes later; what is wrong then."""
    api = Interrupted(at, how)
    async with running(api, *manifests) as cluster:
        before = api.users_own()
        async with asyncio.timeout(15):
            await ended(subject(cluster), api.killed)
        api.armed = False
        api.now = NOW + 120
        api.collect()
        reporter = Remembering()
        async with direct_cluster(api) as colleague:
            await clean_cluster(colleague, "", CleanSpec(), reporter)
        api.collect()
        after = api.users_own()
    if after == before:
        return ""
    call = api.calls[at - 1] if at <= len(api.calls) else "no such call"
    return f"{how} {at} ({call}): {sorted(set(after) ^ set(before))} {reporter.notes}"
