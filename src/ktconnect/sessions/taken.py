"""Who holds a target, and how it is taken over."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from ktconnect.errors import Conflict, KtError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.objects.session import LEASE, Record, record_of, taking

from .lease import Taken, described, server_clock, sessions
from .restore import Outcome, restore

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that a living session gets to undo itself when it is taken over."""
LOOK = 0.5

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Taker:
    """Who wants targets: ``by`` names them for others, ``say`` is told what is done.

    Without ``takeover`` the living are left in peace. ``gone`` are UIDs of the Leases of this
    machine whose process is no more: those are dead at once, whatever the clock says.
    """

    by: str
    say: Say
    takeover: bool = False
    gone: Collection[str] = ()


async def make_way(
    cluster: Cluster, namespace: str, name: str, taker: Taker, *, patience: float | None = None
) -> None:
    """See to it that no session holds the Lease ``name``.

    A dead one is undone at once. A living one is asked to end if it is to be taken over, and is
    undone by force if it has not ended after ``patience`` seconds.

    Raises: Taken if it is alive and not to be taken over; KtError if it could not be undone.
    """
    found = await cluster.find(LEASE, name, namespace)
    if found is None:
        return
    record, now = record_of(found), await server_clock(cluster)()
    alive = record.is_alive(now) and record.uid not in taker.gone
    if alive and not taker.takeover:
        raise Taken(record, now)
    if alive:
        taker.say(f"taking over: {described(record, now)}; they are told")
        if await _ends_itself(
            cluster, record, taker.by, PATIENCE if patience is None else patience
        ):
            return
        taker.say(f"session {name} did not end by itself: undone by force")
    [outcome] = await restore(cluster, [record], by=taker.by, force=alive)
    if outcome.error is not None:
        raise outcome.error
    for line in told(outcome):
        taker.say(line)


async def _ends_itself(cluster: Cluster, record: Record, by: str, patience: float) -> bool:
    """Tell the session that it ends, and wait until its Lease is gone."""
    try:
        await cluster.patch(LEASE, record.name, taking(by, record.uid), record.namespace)
        async with asyncio.timeout(patience):
            while await _holds(cluster, record):  # noqa: ASYNC110 - a watch takes one more right
                await asyncio.sleep(LOOK)
    except TimeoutError:
        return False
    except (Conflict, NotFound):
        log.debug("session %s ended at this very moment", record.name)
    return True


async def _holds(cluster: Cluster, record: Record) -> bool:
    found = await cluster.find(LEASE, record.name, record.namespace)
    return found is not None and found["metadata"]["uid"] == record.uid


async def dead_sessions(
    cluster: Cluster,
    namespace: str,
    *,
    gone: Collection[str] = (),
    silence: timedelta = timedelta(0),
) -> list[Record]:
    """The sessions of a namespace ("" for all) that nobody has renewed for as long as they last.

    ``silence`` makes that longer; ``gone`` are UIDs of sessions that are known to be dead.
    Raises: Forbidden, Unreachable.
    """
    found = await sessions(cluster, namespace)
    now = await server_clock(cluster)()
    return [
        record
        for record in found
        if record.uid in gone or not record.is_alive(now, max(record.duration, silence))
    ]


def told(outcome: Outcome) -> list[str]:
    """What was done with a session, in lines for a person."""
    record = outcome.record
    what = f"session {record.name} of {record.holder}"
    if isinstance(outcome.error, Conflict):
        return [f"left alone: {outcome.error}"]
    if isinstance(outcome.error, KtError):
        return [f"left: {what}; {outcome.error}"]
    return [
        *(f"restored {key}" for key in outcome.undone.written),
        *(f"left as it is: {key}, changed by someone else" for key in outcome.undone.overtaken),
        f"deleted {what}",
    ]
