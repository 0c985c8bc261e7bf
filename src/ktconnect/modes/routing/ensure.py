"""Objects that several sessions share: there, and as they should be, whoever looks first.

Every step may be done by several at once and any number of times. What is there already under the
shared Lease is joined; what an earlier Lease of that name has left is on its way out, and made
anew; what is nobody's of ours is never touched.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import kind_of
from ktconnect.objects.router import RENDERED, REVISION
from ktconnect.objects.session import Manifest

log = logging.getLogger(__name__)

TRIES: Final = 20
AGAIN: Final = 0.1

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Service": ("/spec/selector", "/spec/ports"),
    "ConfigMap": ("/data", *(f"/metadata/annotations/{note}" for note in (REVISION, RENDERED))),
    "Deployment": ("/spec/template", "/spec/replicas"),
}
"""What is put right, by kind; the rest is the server's, or its owner's business."""

WHOLE: Final = ("/spec/selector", "/data")
"""Of these nothing is added by the server: a key too many is a change, too."""


class NotOurs(Conflict):
    """Something of somebody else's has a name that is needed."""


class Ensured:
    """The objects of one shared Lease. Every method raises what `Cluster` raises."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._accepted: dict[str, tuple[list[Any], list[Any]]] = {}
        """What was asked for, and what the cluster made of it: not asked for again."""

    async def there(
        self,
        manifest: Manifest,
        owner: Manifest,
        found: Manifest | None,
        *,
        tries: int = TRIES,
    ) -> tuple[Manifest, bool]:
        """The object, made or put right; and whether something had to be done.

        ``found`` is what was there a moment ago; with one try only that is replaced, and nothing
        newer. Raises: NotOurs if something else has that name; Conflict if others are faster.
        """
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        namespace = manifest["metadata"]["namespace"]
        for left in reversed(range(tries)):
            try:
                if found is None:
                    return await self._cluster.create(manifest), True
                if owned_by(found, owner):
                    return await self._right(manifest, found)
                await self._clear(kind, found)
            except NotOurs:
                raise
            except (Conflict, NotFound) as error:  # somebody else does the same at this moment
                log.debug("%s %s: %s", kind, name, error)
                if not left:
                    raise
            await asyncio.sleep(AGAIN)
            found = await self._cluster.find(kind, name, namespace)
        raise Conflict(f"{kind} {namespace}/{name} keeps changing under our feet", hint="try again")

    async def _right(self, manifest: Manifest, found: Manifest) -> tuple[Manifest, bool]:
        """Put back what somebody has edited; what the cluster itself insists on stays."""
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        wrong = [
            path
            for path in PARTS[manifest["kind"]]
            if not _is_right(path, _at(found, path), _at(manifest, path))
        ]
        asked = [_at(manifest, path) for path in wrong]
        there = [_at(found, path) for path in wrong]
        if not wrong or self._accepted.get(f"{kind}/{name}") == (asked, there):
            return found, False
        version = found["metadata"]["resourceVersion"]
        patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
        patch += [
            {"op": "add", "path": path, "value": value}
            for path, value in zip(wrong, asked, strict=True)
        ]
        new = await self._cluster.patch(kind, name, patch, found["metadata"]["namespace"])
        self._accepted[f"{kind}/{name}"] = (asked, [_at(new, path) for path in wrong])
        return new, True

    async def _clear(self, kind: str, found: Manifest) -> None:
        """Take away what an earlier Lease has left. Raises: Conflict if it is nobody's of ours."""
        metadata = found["metadata"]
        owners = metadata.get("ownerReferences") or ()
        if not any(each["kind"] == "Lease" for each in owners):
            raise NotOurs(
                f"there is a {kind.rpartition('/')[2]} {metadata['name']} in namespace "
                f"{metadata['namespace']} that is not ours",
                hint="sharing a Service needs that name: rename yours",
            )
        log.info("%s %s is of an earlier session, and made anew", kind, metadata["name"])
        await self.remove(kind, found)

    async def remove(self, kind: str, found: Manifest) -> None:
        """Delete this very object; another one of its name stays."""
        metadata = found["metadata"]
        with suppress(Conflict):
            await self._cluster.delete(
                kind, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )


def owned_by(found: Manifest, owner: Manifest) -> bool:
    """Whether it is of the Lease that ``owner`` refers to."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == owner["uid"] for each in owners)


def _at(manifest: Manifest, path: str) -> Any:
    found: Any = manifest
    for name in path.strip("/").split("/"):
        found = (found or {}).get(name)
    return found


def _is_right(path: str, found: Any, wanted: Any) -> bool:
    return bool(found == wanted) if path in WHOLE else covers(found, wanted)


def covers(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is so; what the server adds by itself is no matter."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(covers, found, wanted))
    return bool(found == wanted)
