"""Objects of the cluster, kept as the cluster has them for as long as they are of interest."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from ktconnect.errors import KtError
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import Manifest

log = logging.getLogger(__name__)

AGAIN: Final = 2.0
"""Seconds until a watch that can't be had is tried again."""


@dataclass(frozen=True, slots=True)
class Which:
    """Some objects of one kind in a namespace, by selectors as kubectl takes them."""

    kind: str
    namespace: str
    labels: str = ""
    fields: str = ""


async def watched(
    cluster: Cluster, which: Which, into: dict[str, Manifest], changed: Callable[[], object]
) -> None:
    """Keep ``into`` as the cluster has it, by name, until cancelled.

    ``changed`` hears of each change. While the cluster can't be asked, what was known holds.
    """
    while True:
        try:
            await _copy(cluster, which, into, changed)
        except KtError as error:
            log.info("%s can't be followed: %s", which.kind, error)
        await asyncio.sleep(AGAIN)


async def _copy(
    cluster: Cluster, which: Which, into: dict[str, Manifest], changed: Callable[[], object]
) -> None:
    found: dict[str, Manifest] = {}
    synced = False
    events = cluster.watch(which.kind, which.namespace, labels=which.labels, fields=which.fields)
    async with aclosing(events):
        async for event in events:
            synced = synced or event.type == "SYNCED"
            name = event.object["metadata"]["name"] if event.object else ""
            if event.type == "DELETED":
                if _is_same(found.get(name), event.object):
                    del found[name]
            elif name:
                found[name] = event.object
            if synced:
                into.clear()
                into.update(found)
                changed()


def _is_same(known: Manifest | None, gone: Manifest) -> bool:
    """Whether it is this one that is gone, not an earlier one of the same name."""
    return known is not None and known["metadata"].get("uid") == gone["metadata"].get("uid")
