"""The router's Pods: which rules each of them has in force, and their end."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Final

from ktconnect import names
from ktconnect.errors import KtError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.podhttp import PodHttp, pod_http
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.kube.watch import uid
from ktconnect.objects.router import REVISION
from ktconnect.objects.session import Manifest

from .draining import ACTIVE, DRAIN, UNKNOWN, Load, Stats, drained, load_of

log = logging.getLogger(__name__)

POD: Final = "v1/Pod"
LOOK: Final = 0.05
"""Seconds between two looks at what is in force."""

LOOKS: Final = 8
"""So many until it is time to hurry somebody."""

Wish = Callable[[Stats], Awaitable[bool]]
Hurry = Callable[[], Awaitable[object]]


class Envoys:
    """The Pods of the router ``name``."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.port = 0
        """Of their admin, on their loopback."""
        self.selector = f"{names.LABEL_SESSION}={name}"
        """Finds them."""

    async def pods(self) -> list[Manifest]:
        """Those that are there and not about to go. Raises: as `Cluster.list`."""
        found = await self._cluster.list(POD, self._namespace, labels=self.selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def ready(self) -> list[Manifest]:
        """Those of them that callers are led to. Raises: as `Cluster.list`."""
        return [pod for pod in await self.pods() if isinstance(verdict(pod), Ready)]

    async def refresh(self, pods: Iterable[Manifest], word: str) -> None:
        """Have their nodes bring these Pods the files at once: a kubelet that sees a change of a
        Pod looks at its volumes, too. Else it takes up to a minute. Raises: as `Cluster.patch`."""
        note = {"metadata": {"annotations": {REVISION: word}}}
        async with task_group() as tasks:
            for pod in pods:
                tasks.create_task(self._annotate(pod, note))

    async def all_are(
        self,
        path: str,
        wish: Wish,
        within: float,
        hurry: Hurry | None = None,
    ) -> bool:
        """Whether all that are ready, and one at least, came to be so within so many seconds.

        ``path``: where the admin interface tells the statistics, as JSON, that ``wish`` looks at.
        ``hurry`` is called now and then while they are not.
        """
        looks = 0
        try:
            async with asyncio.timeout(within), self._admins() as admins:
                while not await self._all(admins, path, wish):
                    looks += 1
                    await asyncio.sleep(LOOK)
                    if hurry is not None and looks % LOOKS == 0:
                        await hurry()
        except TimeoutError:
            return False
        return True

    async def drain(self, say: Callable[[int], object]) -> int:
        """Ask their callers to come back by new connections, until none is left, as `drained`; how
        many calls could not be waited for. One that is gone has none.

        Raises: as `Cluster.list`."""
        async with self._admins() as admins:
            for pod in await self.pods():
                await admins.ask(pod, "POST", DRAIN)
            async with aclosing(self._loads(admins)) as looks:
                return await drained(looks, say)

    async def _loads(self, admins: "_Admins") -> AsyncGenerator[Load]:
        """What goes through those that are ready, again and again. Who does not tell it now is
        taken at their last word."""
        last: dict[str, Load] = {}
        while True:
            ready = await self.ready()
            for pod in ready:
                told = _stats(await admins.ask(pod, "GET", ACTIVE))
                last[uid(pod)] = load_of(told) if told else last.get(uid(pod), UNKNOWN)
            yield sum((last[uid(pod)] for pod in ready), Load())
            await asyncio.sleep(LOOK)

    async def _annotate(self, pod: Manifest, note: Manifest) -> None:
        try:
            await self._cluster.patch(POD, pod["metadata"]["name"], note, self._namespace)
        except NotFound:
            return

    async def _all(self, admins: "_Admins", path: str, wish: Wish) -> bool:
        ready = await self.ready()
        for pod in ready:
            told = _stats(await admins.ask(pod, "GET", path))
            if told is None or not await wish(told):
                return False
        return bool(ready)

    @asynccontextmanager
    async def _admins(self) -> AsyncIterator["_Admins"]:
        async with AsyncExitStack() as stack:
            yield _Admins(self._cluster, self._namespace, self.port, stack)


class _Admins:
    """A connection to each Pod's admin, kept for as long as the stack."""

    def __init__(self, cluster: Cluster, namespace: str, port: int, stack: AsyncExitStack) -> None:
        self._cluster, self._namespace, self._port = cluster, namespace, port
        self._stack = stack
        self._open: dict[str, PodHttp] = {}

    async def ask(self, pod: Manifest, method: str, target: str) -> str | None:
        """Its answer; None if it could not be asked."""
        try:
            if uid(pod) not in self._open:
                name = pod["metadata"]["name"]
                opening = pod_http(self._cluster, self._namespace, name, self._port)
                self._open[uid(pod)] = await self._stack.enter_async_context(opening)
            return (await self._open[uid(pod)].ask(method, target)).decode()
        except (KtError, OSError) as error:
            log.debug("the router's admin: %s", error)
            self._open.pop(uid(pod), None)
            return None


def _stats(text: str | None) -> Stats | None:
    """What an admin has told; None if that is no statistics: then it is asked again."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("stats"), list) else None
