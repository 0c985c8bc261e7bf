"""A cluster to which nothing is written: every write is checked by the server, and kept for show.

The API server itself runs the request up to the moment of storing it (``dryRun=All``; Kubernetes,
"API Concepts", "Dry-run"): rights, admission, quota and validation say what they would say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .client import Cluster
from .config import KubeConfig
from .failures import NotFound, parsed
from .paths import Manifest, kind_of
from .rest import Request, Rest

SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


@dataclass(frozen=True, slots=True)
class Changed:
    """A field of an object that would become another one; None is absent."""

    key: str
    before: Any
    after: Any


@dataclass(slots=True)
class Rehearsed:
    """What would have been written, in order; ``deleted`` as ``kind/namespace/name``."""

    created: list[Manifest] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


class RehearsalCluster(Cluster):
    """As `Cluster`; ``taken`` tells all that comes of its writes."""

    def __init__(self, config: KubeConfig) -> None:
        super().__init__(config)
        self._rest = self._rehearsal = _RehearsalRest(config)

    def taken(self) -> Rehearsed:
        """What was rehearsed since this was asked for last."""
        rehearsed, self._rehearsal.rehearsed = self._rehearsal.rehearsed, Rehearsed()
        return rehearsed


class _RehearsalRest(Rest):
    def __init__(self, config: KubeConfig) -> None:
        super().__init__(config)
        self.rehearsed = Rehearsed()

    async def send(self, request: Request) -> bytes:
        """See `Rest`. What only asks (access reviews are posted) is asked."""
        if request.method == "GET" or request.asked.resource.endswith("reviews"):
            return await super().send(request)
        before = await self._now(request)
        dry = replace(request, params={**(request.params or {}), "dryRun": "All"})
        answer = await super().send(dry)
        self._note(request, before, answer)
        return answer

    async def _now(self, request: Request) -> Manifest:
        """What a request is about to change; nothing if that is not there."""
        if request.method == "POST":
            return {}
        try:
            asked = replace(request.asked, verb="get")
            return parsed(await super().send(Request("GET", request.path, asked)))
        except NotFound:
            return {}

    def _note(self, request: Request, before: Manifest, answer: bytes) -> None:
        if request.method == "POST":
            assert isinstance(request.content, dict), "what is created is an object"
            self.rehearsed.created.append(request.content)
        elif request.method == "DELETE":
            self.rehearsed.deleted.append(_key(before))
        else:
            after = parsed(answer)
            found = differences(before, after)
            changes = (Changed(f"{_key(after)}#{where}", old, new) for where, old, new in found)
            self.rehearsed.changed += changes


def _key(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    parts = (kind_of(manifest), metadata.get("namespace", ""), metadata["name"])
    return "/".join(filter(None, parts))


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[tuple[str, Any, Any]]:
    """JSON Pointer, old and new value of each field that differs; lists are compared as a whole.

    What the server itself writes into ``metadata`` is left out.
    """
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield pointer, before, after
        return
    for name in dict.fromkeys((*before, *after)):
        if pointer != "/metadata" or name not in SERVERS_OWN:
            token = name.replace("~", "~0").replace("/", "~1")
            yield from differences(before.get(name), after.get(name), f"{pointer}/{token}")
