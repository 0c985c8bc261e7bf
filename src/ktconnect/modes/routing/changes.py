"""When a driver looks again: at once where something watched has changed, and else now and then."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.modes.watched import Which, watched
from ktconnect.objects.session import LEASE, Manifest, record_of

BREATH: Final = 0.05
"""Seconds in which what changes together has changed."""

Watching = Coroutine[Any, Any, None]


class Changes:
    """Changes of what one driver watches. Every method raises what `Cluster` raises."""

    def __init__(self, look_again: float) -> None:
        """``look_again``: seconds between two looks at all, whatever the watches say."""
        self.look_again = look_again
        self._told = asyncio.Event()

    @property
    def is_told(self) -> bool:
        """Whether something has changed since the last look."""
        return self._told.is_set()

    def tell(self) -> None:
        """Something has changed."""
        self._told.set()

    async def next(self) -> None:
        """Wait until it is time to look."""
        try:
            async with asyncio.timeout(self.look_again):
                await self._told.wait()
        except TimeoutError:
            return
        await asyncio.sleep(BREATH)
        self._told.clear()

    async def follow(self, *watching: Watching, look: Callable[[], Awaitable[None]]) -> None:
        """``look`` whenever it is time to, until cancelled. ``watching``: see `of`, `of_lease`."""
        async with task_group() as tasks:
            for each in watching:
                tasks.create_task(each)
            while True:
                await self.next()
                await look()

    def of(self, cluster: Cluster, which: Which) -> Watching:
        """Tell of every change of these."""
        return watched(cluster, which, {}, self.tell)

    def of_lease(self, cluster: Cluster, namespace: str, name: str) -> Watching:
        """Tell when this Lease is another one, or says something else. Of renewals nobody hears:
        each who shares it renews it every few seconds."""
        found: dict[str, Manifest] = {}
        said: list[Any] = []

        def look() -> None:
            records = map(record_of, found.values())
            now = [(each.name, each.uid, each.taken_by, each.journal) for each in records]
            if said != [now]:
                said[:] = [now]
                self.tell()

        return watched(
            cluster, Which(LEASE, namespace, fields=f"metadata.name={name}"), found, look
        )
