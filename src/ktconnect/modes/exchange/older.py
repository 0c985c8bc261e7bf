"""Connections that are older than the switch: they stay with the Pods, which is counted there.

Asked is the kernel, by ``cat`` in the first container of each Pod. Where that is not allowed, or
not there, nothing is known, and that is what is said.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from ktconnect import names
from ktconnect.errors import Forbidden, KtError, Refused
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.kube.exec import output
from ktconnect.kube.failures import NotFound
from ktconnect.modes.targets import POD
from ktconnect.objects.session import Manifest
from ktconnect.objects.sockets import Connection, established

log = logging.getLogger(__name__)

EVERY: Final = 10.0
"""Seconds between two counts, while there are any."""

MOST: Final = 30
"""Pods that are asked: with more of them it takes longer than it is worth."""

AT_ONCE: Final = 6
CAT: Final = ("cat", "/proc/net/tcp", "/proc/net/tcp6")

Found = frozenset[tuple[str, Connection]]
"""Pods with their connections."""


class Older:
    """The connections of one Service's Pods that were open when its callers were led away."""

    def __init__(
        self, cluster: Cluster, namespace: str, agent: str, ports: Collection[int]
    ) -> None:
        """``ports``: the Pods' own, of TCP. What comes from ``agent`` is nobody's."""
        self._cluster = cluster
        self._namespace = namespace
        self._agent = f"{names.LABEL_SESSION}={agent}"
        self._ports = ports
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._given_up = False
        self.count: int | None = None
        """How many of them are left; None while that is not known."""

    async def keep(self, selector: dict[str, str]) -> None:
        """Count those there are now; then again and again, until there are none any more.

        What may be otherwise in a while, a Pod that has just gone or a slow answer, is tried again.
        """
        first: Found | None = None
        while first is None or self.count:
            try:
                found = await self._look(selector)
                first = found if first is None else first
                self.count = len(first & found)
            except NotFound as error:  # a Pod that was there a moment ago
                log.info("older connections in %s, for now: %s", self._namespace, error)
            except (Forbidden, Refused) as error:
                log.info("older connections in %s: %s", self._namespace, error)
                self.count, self._given_up = None, True
                return
            except KtError as error:
                log.info("older connections in %s, for now: %s", self._namespace, error)
            if first is None or self.count:
                await asyncio.sleep(EVERY)

    @property
    def told(self) -> str:
        """What is known, for a person."""
        stay = "connections that were open before stay with the Pods until they end"
        if self.count is None and self._given_up:
            return f"{stay}; how many there are can't be seen from here"
        if self.count is None:
            return f"{stay}; they are being counted"
        if not self.count:
            return "no connection was open before"
        only = "connection that was open before stays with its Pod until it ends"
        return f"1 {only}" if self.count == 1 else f"{self.count:,} {stay}"

    async def _look(self, selector: dict[str, str]) -> Found:
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        found = await self._cluster.list(POD, self._namespace, labels=labels)
        agents = await self._cluster.list(POD, self._namespace, labels=self._agent)
        ours = [address for agent in agents for address in _addresses(agent)]
        running = [pod for pod in found if (pod.get("status") or {}).get("phase") == "Running"]
        if len(running) > MOST:
            raise Refused(f"{len(running)} Pods are too many to ask")
        async with task_group() as tasks:
            asked = [tasks.create_task(self._ask(pod, ours)) for pod in running]
        return frozenset(each for task in asked for each in task.result())

    async def _ask(self, pod: Manifest, ours: Collection[str]) -> set[tuple[str, Connection]]:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
        async with self._gate:
            listing = await output(self._cluster, self._namespace, name, container, CAT)
        found = established(listing.decode(errors="replace"), self._ports, ours)
        return {(name, connection) for connection in found}


def _addresses(pod: Manifest) -> list[str]:
    return [each["ip"] for each in (pod.get("status") or {}).get("podIPs") or ()]
