"""Finding out what a cluster is like, with the rights that the user has."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ktconnect.errors import Forbidden, Refused
from ktconnect.groups import task_group
from ktconnect.networks import Address

from . import facts
from .client import Cluster
from .facts import ClusterFacts, Item, Seen
from .failures import NotFound, Unauthorized
from .paths import Manifest, resource_of
from .ranges import addresses
from .rights import Right
from .watch import uid

MOST_PODS = 1000  # enough to see the ranges; all Pods of a big cluster are hundreds of megabytes
SETTLE = 0.5  # seconds that changes are collected before facts are made of them
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """A kind that tells something, and what is kept of its objects."""

    kind: str
    keep: Callable[[Manifest], Item]
    namespaced: bool
    most: int = 0
    followed: bool = True

    def right(self, namespace: str, verb: str = "list") -> Right:
        resource = resource_of(self.kind)
        return Right(verb, resource.group, resource.plural, namespace)


SOURCES = (
    Source("v1/Service", facts.service, namespaced=True),
    Source("v1/Pod", facts.pod, namespaced=True, most=MOST_PODS, followed=False),
    Source("v1/Node", facts.node, namespaced=False),
    Source("v1/Namespace", facts.namespace, namespaced=False),
    Source("networking.k8s.io/v1/ServiceCIDR", facts.service_cidr, namespaced=False),
)


@dataclass(slots=True)
class Survey:
    """One look around: what was seen, where each kind could be seen, what was not allowed."""

    cluster: Cluster
    namespace: str
    seen: Seen = field(default_factory=Seen)
    scopes: dict[str, str] = field(default_factory=dict)  # kind -> namespace, "" the whole cluster
    missing: set[Right] = field(default_factory=set)

    async def look(self, source: Source) -> None:
        """List one kind as widely as allowed. A kind that can't be seen is left out."""
        wide = await self._listed(source, "")
        if wide is None and source.namespaced:
            wide = await self._listed(source, self.namespace)
        items = wide or []
        self.seen.items[source.kind] = {uid(item): source.keep(item) for item in items}

    async def _listed(self, source: Source, namespace: str) -> list[Manifest] | None:
        try:
            items = await self.cluster.list(source.kind, namespace, most=source.most)
        except Unauthorized:
            raise
        except Forbidden:
            self.missing.add(source.right(namespace))
            return None
        except NotFound:
            return None
        self.scopes[source.kind] = namespace
        return items

    async def fix(self) -> None:
        """What does not change while connected."""
        async with asyncio.TaskGroup() as group:
            own = group.create_task(_resolved(self.cluster))
            slices = group.create_task(self._server_slices())
            domain = group.create_task(self._domain())
        self.seen.fixed = {
            "server_addresses": tuple(dict.fromkeys((*own.result(), *slices.result()))),
            "cluster_domain": domain.result(),
        }

    async def _server_slices(self) -> tuple[Address, ...]:
        kind, labels = "discovery.k8s.io/v1/EndpointSlice", "kubernetes.io/service-name=kubernetes"
        found = await _if_allowed(self.cluster.list(kind, "default", labels=labels))
        return facts.slice_addresses(found or ())

    async def _domain(self) -> str:
        found = await _if_allowed(self.cluster.get("v1/ConfigMap", "coredns", "kube-system"))
        return facts.domain_of((found or {}).get("data", {}).get("Corefile", ""))

    def facts(self) -> ClusterFacts:
        limits: dict[str, Any] = {
            "limited_to_namespace": any(self.scopes.get(kind) for kind in ("v1/Service", "v1/Pod")),
            "missing_rights": tuple(sorted(self.missing)),
        }
        self.seen.fixed = {**self.seen.fixed, **limits}
        return self.seen.facts()


async def discover(cluster: Cluster, namespace: str) -> ClusterFacts:
    """What can be known of the cluster; ``namespace`` is looked at where the whole can't be.

    Raises: Unreachable, Unauthorized. A missing right only makes the facts poorer.
    """
    return (await _surveyed(cluster, namespace)).facts()


@asynccontextmanager
async def watch_facts(
    cluster: Cluster, namespace: str
) -> AsyncIterator[AsyncIterator[ClusterFacts]]:
    """New facts each time that they change, the first ones at once.

    ``async with watch_facts(...) as changes: async for facts in changes: ...``
    Closes: its watches, at the end of the ``async with``.
    Raises: as `discover`.
    """
    survey = await _surveyed(cluster, namespace)
    touched = asyncio.Event()
    async with task_group() as group:
        tasks = [
            group.create_task(_follow(survey, source, touched))
            for source in SOURCES
            if source.kind in survey.scopes and _is_followed(survey, source)
        ]
        async with aclosing(_changes(survey, touched)) as changes:
            yield changes
        for task in tasks:
            task.cancel()


def _is_followed(survey: Survey, source: Source) -> bool:
    """Pods only where they are the only hint to ranges, and few: in a single namespace."""
    return source.followed or bool(survey.scopes[source.kind])


async def _changes(survey: Survey, touched: asyncio.Event) -> AsyncGenerator[ClusterFacts, None]:
    last = survey.facts()
    yield last
    while True:
        await touched.wait()
        await asyncio.sleep(SETTLE)
        touched.clear()
        now = survey.facts()
        if now != last:
            last = now
            yield now


async def _follow(survey: Survey, source: Source, touched: asyncio.Event) -> None:
    items = survey.seen.items[source.kind]
    watch = survey.cluster.watch(source.kind, survey.scopes[source.kind])
    present: set[str] = set()
    synced = False
    try:
        async with aclosing(watch) as events:
            async for event in events:
                if event.type == "SYNCED":
                    synced = True
                    for gone in items.keys() - present:
                        del items[gone]
                elif event.type == "DELETED":
                    items.pop(uid(event.object), None)
                else:
                    items[uid(event.object)] = source.keep(event.object)
                    if not synced:
                        present.add(uid(event.object))
                touched.set()
    except Unauthorized:
        raise
    except Forbidden:
        survey.missing.add(source.right(survey.scopes[source.kind], "watch"))
        touched.set()


async def _surveyed(cluster: Cluster, namespace: str) -> Survey:
    survey = Survey(cluster, namespace)
    async with task_group() as group:
        group.create_task(survey.fix())
        for source in SOURCES:
            group.create_task(survey.look(source))
    return survey


async def _if_allowed(answer: Awaitable[T]) -> T | None:
    """The answer, or None where it is not to be had; it only refines what is known anyway."""
    try:
        return await answer
    except Unauthorized:
        raise
    except (Forbidden, Refused):
        return None


async def _resolved(cluster: Cluster) -> tuple[Address, ...]:
    """Addresses of the first stop on the way to the API server: itself or its proxy, or both."""
    found: list[Address] = []
    for url in filter(None, (cluster.config.server, cluster.config.proxy_url)):
        found += await _addresses_of(urlsplit(url).hostname or "")
    return tuple(found)


async def _addresses_of(host: str) -> tuple[Address, ...]:
    loop = asyncio.get_running_loop()
    try:
        infos = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()  # behind a proxy the name may be known to the proxy alone
    return addresses(info[4][0] for info in infos)
