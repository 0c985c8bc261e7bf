"""What the origin answers, as the router's Pods see it: by their tap, through port-forwards.

Callers are not touched by it: a tap copies what passes, and one that nobody reads is dropped.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final, Protocol

from ktconnect import names
from ktconnect.errors import KtError, Refused
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.kube.podhttp import PodHttp, pod_http
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.modes.report import Reporter
from ktconnect.objects.router import router_name
from ktconnect.rules.envoy import BOOTSTRAP
from ktconnect.rules.envoy_tap import tap_request
from ktconnect.rules.envoy_tap_match import tap_match
from ktconnect.rules.model import Share
from ktconnect.traffic.exchange import Exchange
from ktconnect.traffic.traces import Traces

log = logging.getLogger(__name__)

OCCUPIED: Final = "the router shows its answers to one at a time, and somebody else looks just now"

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks for the router's Pods."""

ASK_AGAIN: Final = 5.0
"""Seconds until a router that let somebody else look is asked again."""

OnExchange = Callable[[Exchange], object]


class Routers(Protocol):
    """Where the router's Pods are, and their admin interface."""

    async def ready(self) -> list[str]:
        """Their names. Raises: as `Cluster.list`."""

    async def admin(self, pod: str) -> AbstractAsyncContextManager[PodHttp]:
        """The way to one's admin. Raises: as `Cluster.get`."""


class RouterPods:
    """Those of one Service's router."""

    def __init__(self, cluster: Cluster, namespace: str, service: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = router_name(service)

    async def ready(self) -> list[str]:
        """See `Routers`."""
        labels = f"{names.LABEL_SESSION}={self._name}"
        pods = await self._cluster.list("v1/Pod", self._namespace, labels=labels)
        return [pod["metadata"]["name"] for pod in pods if isinstance(verdict(pod), Ready)]

    async def admin(self, pod: str) -> AbstractAsyncContextManager[PodHttp]:
        """See `Routers`. The port is what the router itself was told."""
        files = await self._cluster.get("v1/ConfigMap", self._name, self._namespace)
        said = json.loads(files["data"][BOOTSTRAP])["admin"]["address"]["socket_address"]
        return pod_http(self._cluster, self._namespace, pod, int(said["port_value"]))


class Tapping:
    """One session's. Asked for by ``begin``; ``run`` is a task of its own."""

    def __init__(self, routers: Routers, on_exchange: OnExchange, reporter: Reporter) -> None:
        self._routers = routers
        self._on_exchange = on_exchange
        self._reporter = reporter
        self._body = b""
        self._wanted = asyncio.Event()
        self._running: set[str] = set()
        self._warned = False
        self.open = asyncio.Event()
        """Set once answers of the origin are seen."""

    def begin(self, share: Share) -> None:
        """From now on the requests of this share are looked at."""
        self._body = json.dumps(tap_request(tap_match(share.matches))).encode()
        self._wanted.set()

    async def run(self) -> None:
        """Look until cancelled, at every Pod of the router that is or comes to be there."""
        await self._wanted.wait()
        async with task_group() as tasks:
            while True:
                for pod in await self._pods():
                    if pod not in self._running:
                        self._running.add(pod)
                        tasks.create_task(self._follow(pod))
                await asyncio.sleep(LOOK_AGAIN)

    async def _pods(self) -> list[str]:
        try:
            return await self._routers.ready()
        except KtError as error:
            log.info("the router's Pods: %s", error)
            return []

    async def _follow(self, pod: str) -> None:
        try:
            async with await self._routers.admin(pod) as admin:
                await self._read(admin)
        except Refused as refused:
            self._taken(refused)
            await asyncio.sleep(ASK_AGAIN)
        except (KtError, OSError) as error:
            log.info("the tap of %s: %s", pod, error)
        finally:
            self._running.discard(pod)

    async def _read(self, admin: PodHttp) -> None:
        """Raises: Refused if somebody else looks already; TunnelClosed in the end."""
        traces = Traces()
        async with aclosing(admin.stream("POST", "/tap", self._body)) as parts:
            async for part in parts:
                self._opened()
                for exchange in traces.more(part, time.time()):
                    self._on_exchange(exchange)

    def _opened(self) -> None:
        self.open.set()
        if self._warned:
            self._warned = False
            self._reporter.note("the router shows its answers here from now on", settles=OCCUPIED)

    def _taken(self, refused: Refused) -> None:
        log.info("the tap: %s", refused)
        if not self._warned:
            self._warned = True
            self._reporter.warn(
                OCCUPIED,
                "until they have ended theirs nothing is compared here; it begins by itself then",
            )
