"""The cluster as a back end of reversible changes (`ktconnect.apply`).

``v1/Service/demo/web`` is a whole object: ours, made by us, deleted by its UID. The server adds
defaults and others may add fields, so it carries a digest of the manifest it was made from, and
that is what two of them are compared by. ``v1/Service/demo/web#/spec/selector`` is one field of
an object that is not ours; it is set by JSON Patch with a test of what it held before.
``apps/v1/Deployment/demo/web/scale#/spec/replicas`` does the same through a subresource.
"""

import hashlib
import json
from typing import Any, Protocol

from ktconnect.errors import Conflict

from .fields import FieldBackend, FieldObjects
from .paths import Kind, Manifest, split_key
from .pointer import Json

DIGEST = "kt-manifest"  # annotation on whole objects that are ours
OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


class Live(dict[str, Any]):
    """An object as it is now, without what the server writes into it.

    Equal to the manifest that it was made from, however the server completed it.
    """

    def __init__(self, manifest: Manifest) -> None:
        metadata = manifest["metadata"]
        kept = {key: value for key, value in metadata.items() if key not in OF_THE_SERVER}
        rest = {key: value for key, value in manifest.items() if key != "status"}
        super().__init__({**rest, "metadata": kept})
        self.uid = str(metadata["uid"])
        self.version = str(metadata["resourceVersion"])

    @property
    def digest(self) -> str:
        """The digest of the manifest that it was made from; "" if it is not ours."""
        annotations = self["metadata"].get("annotations") or {}
        return str(annotations.get(DIGEST, ""))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return False
        if isinstance(other, Live) or not self.digest:
            return dict.__eq__(self, other)
        return self.digest in (digest_of(other), _digest_in(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


def digest_of(manifest: Manifest) -> str:
    """A digest of a manifest that does not depend on the order of its fields."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]


def _digest_in(manifest: Manifest) -> str:
    return str(((manifest.get("metadata") or {}).get("annotations") or {}).get(DIGEST, ""))


def stamped(manifest: Manifest) -> Manifest:
    """The manifest with its own digest; one that has a digest (of an undo) keeps it."""
    if _digest_in(manifest):
        return manifest
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), DIGEST: digest_of(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


class Objects(FieldObjects, Protocol):
    """What is needed of an API server: `client.Cluster`."""

    async def create(self, manifest: Manifest) -> Manifest: ...
    async def replace(self, manifest: Manifest) -> Manifest: ...
    async def delete(
        self, kind: Kind, name: str, namespace: str = "", *, uid: str = ""
    ) -> bool: ...


class KubeBackend:
    """`ktconnect.apply.Backend` over one cluster. Does not close the cluster.

    Raises: besides Conflict, whatever the cluster's methods raise.
    """

    def __init__(self, cluster: Objects) -> None:
        self._cluster = cluster
        self._fields = FieldBackend(cluster)

    async def read(self, key: str) -> Json | None:
        """The object, or the field, that ``key`` names; None where there is none."""
        if "#" in key:
            return await self._fields.read(key)
        found = await self._find(key)
        return None if found is None else Live(found)

    async def write(self, key: str, value: Json | None, *, expected: Json | None) -> None:
        """See `ktconnect.apply.Backend.write`."""
        if "#" in key:
            await self._fields.write(key, value, expected=expected)
        elif value is None:
            await self._delete(key, await self._confirmed(key, expected))
        elif expected is None:
            await self._cluster.create(stamped(value))
        else:
            await self._replace(key, value, await self._confirmed(key, expected))

    async def _find(self, whole: str) -> Manifest | None:
        at = split_key(whole)
        return await self._cluster.find(at.kind, at.name, at.namespace)

    async def _confirmed(self, whole: str, expected: Json | None) -> Live | None:
        """The object that was expected, with its UID; None where none was."""
        if expected is None or isinstance(expected, Live):
            return expected
        found = await self._find(whole)
        if found is None or Live(found) != expected:
            raise Conflict(f"{whole} is no longer as it was expected")
        return Live(found)

    async def _delete(self, whole: str, live: Live | None) -> None:
        if live is not None:
            at = split_key(whole)
            await self._cluster.delete(at.kind, at.name, at.namespace, uid=live.uid)

    async def _replace(self, whole: str, value: Manifest, live: Live | None) -> None:
        if live is None or not live.digest:
            raise Conflict(f"{whole} exists already and is not ours")
        new = stamped(value)
        await self._cluster.replace(
            {**new, "metadata": {**new["metadata"], "resourceVersion": live.version}}
        )
