"""Single fields of objects that are not ours, as a back end of reversible changes.

Needs two verbs of an API server and nothing beyond the standard library, so that the agent in the
cluster can bring its own way to ask.
"""

from typing import Protocol

from ktconnect.errors import Conflict

from .failures import NotFound
from .paths import Kind, Manifest, split_key
from .pointer import Json, Patch, field_at, patch_to, value_at

TRIES = 5


class FieldObjects(Protocol):
    """What is needed of an API server; `client.Cluster` has it, and so has the agent's guard."""

    async def find(
        self, kind: Kind, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Manifest | None: ...
    async def patch(
        self, kind: Kind, name: str, patch: Patch, namespace: str = "", *, subresource: str = ""
    ) -> Manifest: ...


class FieldBackend:
    """`ktconnect.apply.Backend` for keys with a field (``v1/Service/demo/web#/spec/selector``).

    Raises: besides Conflict, whatever the cluster's methods raise.
    """

    def __init__(self, cluster: FieldObjects) -> None:
        self._cluster = cluster

    async def read(self, key: str) -> Json | None:
        """The field that ``key`` names; None where there is none."""
        whole, _, pointer = key.partition("#")
        found = await self._find(whole)
        return None if found is None else field_at(found, pointer)

    async def write(self, key: str, value: Json | None, *, expected: Json | None) -> None:
        """See `ktconnect.apply.Backend.write`. Once more when only other fields changed."""
        whole, _, pointer = key.partition("#")
        for attempt in range(1, TRIES + 1):
            found = await self._find(whole)
            if found is None:
                if value is None:
                    return  # with its object the field is gone too
                raise Conflict(f"{whole} does not exist any more")
            if field_at(found, pointer) != expected:
                raise Conflict(f"{whole}: {pointer} was changed by someone else")
            try:
                await self._patch(whole, patch_to(found, pointer, value, value_at(found, pointer)))
            except (Conflict, NotFound):
                if attempt == TRIES:
                    raise
            else:
                return

    async def _find(self, whole: str) -> Manifest | None:
        at = split_key(whole)
        return await self._cluster.find(at.kind, at.name, at.namespace, subresource=at.subresource)

    async def _patch(self, whole: str, patch: Patch) -> None:
        at = split_key(whole)
        await self._cluster.patch(at.kind, at.name, patch, at.namespace, subresource=at.subresource)
