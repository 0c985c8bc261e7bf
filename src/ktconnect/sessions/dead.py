"""Which sessions are dead, and which of what they shared nobody needs any more."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from ktconnect.kube.client import Cluster
from ktconnect.objects.session import Record

from .holders import is_shared
from .lease import server_clock, sessions
from .shared_names import participants


async def dead_sessions(
    cluster: Cluster,
    namespace: str,
    *,
    gone: Collection[str] = (),
    silence: timedelta = timedelta(0),
) -> list[Record]:
    """The sessions of a namespace ("" for all) that nobody has renewed for as long as they last,
    and what was shared by none but those.

    ``silence`` makes that longer; ``gone`` are UIDs of sessions that are known to be dead.
    Raises: Forbidden, Unreachable.
    """
    found = await sessions(cluster, namespace)
    now = await server_clock(cluster)()
    dead = {each.uid for each in found if _is_silent(each, now, silence)} | set(gone)
    return [each for each in found if _is_dead(each, found, dead)]


async def left_behind(
    cluster: Cluster, records: Iterable[Record], gone: Collection[str] = ()
) -> list[Record]:
    """What these sessions have shared, as far as it is still there and nobody shares it any more.

    Raises: Forbidden, Unreachable.
    """
    places = {(each.namespace, each.shared or each.name) for each in records if _shares(each)}
    now = await server_clock(cluster)()
    left: list[Record] = []
    for namespace in sorted({namespace for namespace, _ in places}):
        found = await sessions(cluster, namespace)
        dead = {each.uid for each in found if not each.is_alive(now)} | set(gone)
        named = [each for each in found if (namespace, each.name) in places]
        left += [each for each in named if is_shared(each) and _is_dead(each, found, dead)]
    return left


def _shares(record: Record) -> bool:
    return bool(record.shared) or is_shared(record)


def _is_dead(record: Record, records: Iterable[Record], dead: Collection[str]) -> bool:
    """Whether it is one of the ``dead``; what is shared is dead if all are who share it, whoever
    renewed it last.

    ``records`` are all sessions as they were at one moment: who is about to join has announced a
    session of their own before that, so none is overlooked.
    """
    if not is_shared(record):
        return record.uid in dead
    users = participants(records, record.namespace, record.name)
    return all(each.uid in dead for each in users)


def _is_silent(record: Record, now: datetime, silence: timedelta) -> bool:
    return not record.is_alive(now, max(record.duration, silence))
