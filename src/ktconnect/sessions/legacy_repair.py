"""Looks for what KT Connect 0.3 left, and does what `legacy` has decided."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import Manifest

from . import restore
from .lease import server_clock
from .legacy import Gone, Repair
from .legacy_seen import (
    KINDS,
    LEAST_SILENCE,
    LOCK,
    SELECTOR,
    Seen,
    is_theirs,
    leads_to_them,
    notes_of,
)


@dataclass(frozen=True, slots=True)
class Looked:
    """A namespace, and the kinds that the user may not list."""

    seen: Seen
    hidden: tuple[str, ...] = ()


async def look(
    cluster: Cluster,
    namespace: str,
    *,
    silence: timedelta = LEAST_SILENCE,
    force: bool = False,
) -> Looked:
    """Read the namespace as far as the user may. Raises: Unreachable."""
    objects, hidden = {}, []
    for kind in KINDS:
        try:
            objects[kind] = tuple(await cluster.list(kind, namespace))
        except Forbidden:
            hidden.append(kind)
    now = await server_clock(cluster)()
    return Looked(Seen(namespace, now, silence, objects, force), tuple(hidden))


async def look_everywhere(cluster: Cluster, *, silence: timedelta) -> list[Looked]:
    """Every namespace that has something of KT Connect. Raises: as `look`."""
    looked = await look(cluster, "", silence=silence)
    seen, by_place = looked.seen, defaultdict[str, dict[str, list[Manifest]]](dict)
    for kind, objects in seen.objects.items():
        for each in objects:
            of_kind = by_place[each["metadata"]["namespace"]].setdefault(kind, [])
            of_kind.append(each)
    return [
        Looked(
            replace(
                seen,
                namespace=place,
                objects={kind: tuple(found.get(kind, ())) for kind in seen.objects},
            ),
            looked.hidden,
        )
        for place, found in sorted(by_place.items())
        if any(_marked(each) for objects in found.values() for each in objects)
    ]


def _marked(each: Manifest) -> bool:
    """Whether KT Connect may have to do with it."""
    notes = {SELECTOR, LOCK} & set(notes_of(each))
    led = each["kind"] == "Service" and leads_to_them(each)
    return bool(notes) or is_theirs(each) or led


async def carry_out(
    cluster: Cluster, namespace: str, repairs: Iterable[Repair], settle: float | None = None
) -> list[str]:
    """Do it, and tell each deed, in lines for a person.

    All changes of Services and workloads come first; what served callers until then is deleted when
    the nodes had time to follow. A repair that fails keeps what it would have deleted.
    """
    said: list[str] = []
    well = [each for each in repairs if await _steps(cluster, each, said)]
    if any(each.steps and each.deletes for each in well):
        await asyncio.sleep(restore.SETTLE_SECONDS if settle is None else settle)
    unneeded = dict.fromkeys(gone for repair in well for gone in repair.deletes)
    return said + [await _deleted(cluster, namespace, gone) for gone in unneeded]


async def _steps(cluster: Cluster, repair: Repair, said: list[str]) -> bool:
    backend = KubeBackend(cluster)
    try:
        for step in repair.steps:
            await backend.write(step.key, step.after, expected=step.before)
            said.append(f"restored {step.key}")
    except KtError as error:
        said.append(f"left: what KT Connect did to {repair.what}; {error}")
        return False
    return True


async def _deleted(cluster: Cluster, namespace: str, gone: Gone) -> str:
    what = f"{gone.kind}/{namespace}/{gone.name}"
    try:
        await cluster.delete(gone.kind, gone.name, namespace, uid=gone.uid)
    except Conflict:
        return f"left alone: {what} was made anew"
    except KtError as error:
        return f"left: {what}; {error}"
    return f"deleted {what}"
