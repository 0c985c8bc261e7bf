"""The API server of one cluster, in verbs; manifests are plain dicts."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

from ktconnect.errors import Conflict

from . import asking, rights
from .config import KubeConfig
from .credentials import Credentials
from .failures import Asked, NotFound, PatchRejected, parsed
from .paths import Kind, Manifest
from .rest import Request, Rest, Way
from .watch import Event, watch

FIELD_MANAGER = "ktctl"
MANAGED = {"fieldManager": FIELD_MANAGER}
NONE: Mapping[str, str] = MappingProxyType({})
PAGE = 500
CLOCK_AGE = 300.0  # seconds after which the server's clock is asked for anew

Manifests = list[Manifest]
Patch = list[dict[str, Any]]


class Version(NamedTuple):
    """The API server's version: (1, 36) and ``v1.36.3``."""

    number: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects as they were at one resourceVersion."""

    items: Manifests
    version: str


class Cluster:
    """One cluster as seen by one user. Safe to use from many tasks of one loop.

    Every method raises: Unreachable (no answer), Unauthorized (credentials), Forbidden (a right
    is missing), NotFound, Conflict, Refused (validation, quota, admission). ``async with`` closes
    the connections.
    """

    def __init__(self, config: KubeConfig, *, credentials: Credentials | None = None) -> None:
        self.config = config
        self._rest = Rest(config, credentials)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._rest.aclose()

    @property
    def namespace(self) -> str:
        """The namespace that the kubeconfig's context stands in."""
        return self.config.namespace

    @property
    def credentials(self) -> Credentials:
        return self._rest.credentials

    async def way(self) -> Way:
        """What `portforward` needs to reach the same server as the same user."""
        return await self._rest.way()

    async def get(
        self, kind: Kind, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Manifest:
        """One object, or its subresource (``scale``). Raises: NotFound."""
        at = asking.at("get", kind, namespace, name, subresource)
        return await self._object(Request("GET", *at))

    async def find(
        self, kind: Kind, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Manifest | None:
        """One object, None when it does not exist."""
        try:
            return await self.get(kind, name, namespace, subresource=subresource)
        except NotFound:
            return None

    async def served(self, path: str) -> Manifest:
        """A document of discovery: ``/apis``, ``/apis/apps/v1``. Raises: NotFound."""
        return await self._object(Request("GET", path, Asked("get", path)))

    async def list(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "", most: int = 0
    ) -> Manifests:
        """All objects of a kind; an empty namespace means the whole cluster.

        ``labels`` and ``fields`` are selectors as kubectl takes them; ``most`` limits the number.
        """
        return (await self.listing(kind, namespace, asking.selectors(labels, fields), most)).items

    async def listing(
        self, kind: Kind, namespace: str = "", selectors: Mapping[str, str] = NONE, most: int = 0
    ) -> Listing:
        """As `list`, with the resourceVersion from which a watch can go on."""
        at = asking.at("list", kind, namespace)
        params = {**selectors, "limit": str(min(most, PAGE) if most else PAGE)}
        items: Manifests = []
        while True:
            page = await self._object(Request("GET", *at, params))
            items += [asking.typed(item, page) for item in page.get("items") or ()]
            follow = page["metadata"].get("continue")
            if not follow or 0 < most <= len(items):
                return Listing(items, page["metadata"].get("resourceVersion", ""))
            params = {**params, "continue": follow}

    async def create(self, manifest: Manifest) -> Manifest:
        """POST a new object. Raises: AlreadyExists (a Conflict)."""
        return await self._object(Request("POST", *asking.at_new(manifest), MANAGED, manifest))

    async def replace(self, manifest: Manifest) -> Manifest:
        """PUT the whole object; with its resourceVersion this is compare-and-swap.

        Raises: Conflict when the object has changed since.
        """
        at = asking.at_own("update", manifest)
        return await self._object(Request("PUT", *at, MANAGED, manifest))

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Patch | Mapping[str, Any],
        namespace: str = "",
        *,
        subresource: str = "",
    ) -> Manifest:
        """Change fields: a list is a JSON Patch (RFC 6902), a mapping a merge patch (RFC 7386).

        Raises: Conflict when a ``test`` of a JSON Patch does not hold.
        """
        form = "json-patch" if isinstance(patch, list) else "merge-patch"
        at = asking.at("patch", kind, namespace, name, subresource)
        request = Request("PATCH", *at, MANAGED, patch, f"application/{form}+json")
        try:
            return await self._object(request)
        except PatchRejected as rejected:
            raise Conflict(str(rejected), hint="look at what is there now") from None

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        version: str = "",
        missing_ok: bool = True,
    ) -> bool:
        """Delete an object and, in the background, what it owns; False: it did not exist.

        With ``uid`` only the one that has it, with ``version`` only in the state that has this
        resourceVersion.

        Raises: Conflict when it is another one, or another state; NotFound unless ``missing_ok``.
        """
        expected = {"uid": uid, "resourceVersion": version}
        preconditions = {name: value for name, value in expected.items() if value}
        options = {"propagationPolicy": "Background", "preconditions": preconditions}
        try:
            at = asking.at("delete", kind, namespace, name)
            await self._rest.send(Request("DELETE", *at, content=options))
        except NotFound:
            if not missing_ok:
                raise
            return False
        return True

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
    ) -> AsyncGenerator[Event, None]:
        """What exists (ADDED), then SYNCED once, then every change, for as long as it is read.

        Lost connections and expired versions (410) are bridged: after each a new list is compared
        with what was told, so that nothing is missed. Close it with ``aclosing``.

        Raises: as the others, but Unreachable only before the first list.
        """
        selectors = asking.selectors(labels, fields)
        request = Request("GET", *asking.at("watch", kind, namespace), selectors)

        async def take() -> Listing:
            return await self.listing(kind, namespace, selectors)

        async with aclosing(watch(self._rest, request, take)) as events:
            async for event in events:
                yield event

    async def logs(
        self,
        pod: str,
        namespace: str,
        *,
        container: str = "",
        tail: int = 0,
        previous: bool = False,
    ) -> str:
        """What a container wrote; ``tail`` last lines only (0: all); ``previous`` run."""
        params = {"container": container, "tailLines": str(tail) if tail else ""}
        params["previous"] = "true" if previous else ""
        given = {name: value for name, value in params.items() if value}
        request = Request("GET", *asking.at("get", "v1/Pod", namespace, pod, "log"), given)
        return (await self._rest.send(request)).decode(errors="replace")

    async def allowed(self, needed: Iterable[rights.Right]) -> tuple[rights.Right, ...]:
        """Those of the needed rights that the user lacks, asked concurrently of the server."""
        return await rights.missing(self.create, needed)

    async def version(self) -> Version:
        """The API server's version."""
        answer = await self.served("/version")
        digits = (int("".join(filter(str.isdigit, answer[part]))) for part in ("major", "minor"))
        return Version((next(digits), next(digits)), str(answer["gitVersion"]))

    async def server_time(self) -> float:
        """Now by the server's clock, seconds since the epoch, within about a second."""
        if self._rest.clock.age > CLOCK_AGE:
            await self.version()
        return self._rest.clock.now()

    async def _object(self, request: Request) -> Manifest:
        return parsed(await self._rest.send(request))
