"""Who holds a target, and how it is taken over."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ktconnect.errors import Conflict, KtError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.objects.lease_patch import taking
from ktconnect.objects.session import LEASE, Record, record_of
from ktconnect.rules.model import ANNOTATION

from .dead import left_behind
from .holders import Taken, called, described, is_shared
from .lease import server_clock
from .restore import Outcome, awaited, restore

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that a living session gets to undo itself when it is taken over, if it asks for no more.
"""
ENDS_WITHIN = "endsWithin"
"""In a session's ``kt-config``: the seconds that it may need to undo itself."""
LOOK = 0.5
SAY_AGAIN = 5.0

Say = Callable[[str], object]


class Interrupted(KtError):
    """Who waited for a target was told to stop; whoever has it was told to end before that."""

    exit_code = 130  # as a shell says of what SIGINT has ended


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
    patient: bool = False
    """Whether calls that go on through a router are waited for before it is taken away."""

    def finds_alive(self, record: Record, now: datetime) -> bool:
        """Whether somebody is to be asked before the session may be undone."""
        return record.is_alive(now) and record.uid not in self.gone


async def make_way(
    cluster: Cluster, namespace: str, name: str, taker: Taker, *, patience: float | None = None
) -> None:
    """See to it that no session holds the Lease ``name``: as `end_all` does."""
    found = await cluster.find(LEASE, name, namespace)
    await end_all(cluster, [record_of(found)] if found else [], taker, patience=patience)


async def end_all(
    cluster: Cluster, records: Sequence[Record], taker: Taker, *, patience: float | None = None
) -> None:
    """See to it that none of these sessions is there any more, nor what only they shared.

    The dead are undone at once. If they are to be taken over, all that live are asked to end, at
    the same time, and are undone by force if that has not happened after ``patience`` seconds.

    Raises: Taken, before anything is done, if one is alive and not to be taken over; KtError if
    one could not be undone; Interrupted if we are cancelled while the living end.
    """
    now = await server_clock(cluster)()
    users = [each for each in records if not is_shared(each)]
    living = [each for each in users if taker.finds_alive(each, now)]
    if living and not taker.takeover:
        raise Taken(living[0], now, *living[1:])
    for each in living:
        taker.say(f"taking over: {described(each, now)}; they are told")
    stuck = await _asked_to_end(cluster, living, taker, patience)
    for each in (each for each in living if each not in stuck):
        taker.say(ended(each))
    for each in stuck:
        taker.say(f"session {each.name} did not end by itself: undone by force")
    await _undone(cluster, stuck, taker, force=True)
    await _undone(cluster, [each for each in users if each not in living], taker)
    await _undone(cluster, await left_behind(cluster, records, taker.gone), taker)


async def _undone(
    cluster: Cluster, records: Iterable[Record], taker: Taker, *, force: bool = False
) -> None:
    found = list(records)
    if taker.patient and (line := awaited(found)):
        taker.say(line)
    patient = taker.patient
    for outcome in await restore(cluster, found, by=taker.by, force=force, patient=patient):
        if outcome.error is not None:
            raise outcome.error
        for line in told(outcome):
            taker.say(line)


async def _asked_to_end(
    cluster: Cluster, records: Sequence[Record], taker: Taker, patience: float | None
) -> list[Record]:
    """Tell these sessions that they end, and wait; those that have not ended in time."""
    try:
        async with task_group() as tasks:
            ending = [
                tasks.create_task(_ends_itself(cluster, each, taker, patience)) for each in records
            ]
    except asyncio.CancelledError:
        if not records:
            raise
        raise Interrupted(
            f"stopped while waiting for {', '.join(each.holder for each in records)} to end",
            hint="they were told to end, and do so: try again in a moment",
        ) from None
    return [each for each, task in zip(records, ending, strict=True) if not task.result()]


async def _ends_itself(
    cluster: Cluster, record: Record, taker: Taker, patience: float | None
) -> bool:
    """Tell the session that it ends, and wait until its Lease is gone."""
    limit = patience_with(record) if patience is None else patience
    try:
        await cluster.patch(LEASE, record.name, taking(taker.by, record.uid), record.namespace)
        async with asyncio.timeout(limit), task_group() as tasks:
            saying = tasks.create_task(_say_waiting(record, taker, limit))
            while await _holds(cluster, record):  # noqa: ASYNC110 - a watch takes one more right
                await asyncio.sleep(LOOK)
            saying.cancel()
    except TimeoutError:
        return False
    except (Conflict, NotFound):
        log.debug("session %s ended at this very moment", record.name)
    return True


async def _say_waiting(record: Record, taker: Taker, limit: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        await asyncio.sleep(SAY_AGAIN)
        left = limit - (loop.time() - began)
        taker.say(f"waiting for session {record.name} to end, {left:.0f} s more at most")


def patience_with(record: Record) -> float:
    """The seconds that it gets to undo itself: what it asked for, and some for all else."""
    asked = record.config.get(ENDS_WITHIN)
    return PATIENCE + (asked if isinstance(asked, int | float) and 0 < asked < 3600 else 0)


async def _holds(cluster: Cluster, record: Record) -> bool:
    found = await cluster.find(LEASE, record.name, record.namespace)
    return found is not None and found["metadata"]["uid"] == record.uid


def told(outcome: Outcome) -> list[str]:
    """What was done with a session, in lines for a person."""
    record = outcome.record
    what = called(record)
    if isinstance(outcome.error, Conflict):
        return [f"left alone: {outcome.error}"]
    if isinstance(outcome.error, KtError):
        return [f"left: {what}; {outcome.error}"]
    return [
        *(f"restored {key}" for key in outcome.undone.written if not is_own_share(key)),
        *(
            f"left as it is: {key}, changed by someone else"
            for key in outcome.undone.overtaken
            if not is_own_share(key)
        ),
        f"deleted {what}",
    ]


def ended(record: Record) -> str:
    """A line about one that has undone itself."""
    keys = [each.key for each in record.journal or () if not is_own_share(each.key)]
    back = f", which puts back {', '.join(keys)}" if keys else ""
    return f"{called(record)} has ended by itself{back}"


def is_own_share(key: str) -> bool:
    """Whether a journal's key is about what a session takes of a Service, which is its own."""
    return key.endswith(f"#/metadata/annotations/{ANNOTATION}")
