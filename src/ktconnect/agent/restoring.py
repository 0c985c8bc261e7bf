"""How an agent undoes its own session: the same steps that ktctl takes, without a laptop.

What is undone is what stands in the Lease's journal; callers are given time to follow, then the
Lease is deleted, and the garbage collector takes all that it owns: the agent too.

Where a session shares something with others, such as a router, that leads callers to the agent as
long as it stands. So the agent stays, and passes them on, until either somebody is seen to keep
what is shared alive, who then takes the session out of it, or it is undone itself.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, TypeVar

from ktconnect.apply.engine import undo
from ktconnect.errors import KtError
from ktconnect.kube.fields import FieldBackend
from ktconnect.kube.undoable import all_undoable, leads_callers, leads_through_router
from ktconnect.objects.lease_patch import taking
from ktconnect.objects.session import LEASE, Record, record_of
from ktconnect.wire.spec import Guard as Orders

from .podapi import PodApi

SETTLE: Final = 3.0
"""Seconds that the nodes' proxies may take to follow an endpoint."""

CALLS: Final = 25.0
"""Seconds that calls through a router may take to end, which they do with it."""

T = TypeVar("T")
Log = Callable[[str], object]


class Verdict(Enum):
    """What became of an attempt."""

    UNDONE = "undone"
    ALIVE = "alive"
    """The laptop has renewed the Lease, or did so at this very moment."""
    WAITING = "waiting"
    """Whether others live who share something with the session will be known in a while."""
    GONE = "gone"
    """There is no such session any more: somebody was faster."""


def restore(api: PodApi, orders: Orders, log: Log, sleep: Callable[[float], object]) -> Verdict:
    """Undo the session if its laptop is silent, and what it shares if all are. Blocks for as long
    as it takes.

    Raises: KtError if the right is missing, the server does not answer, or what is written in the
    journal can't be undone; what was undone until then stays so, and it may be tried again.
    """
    return without_loop(_restore(api, orders, log, sleep))


async def _restore(
    api: PodApi, orders: Orders, log: Log, sleep: Callable[[float], object]
) -> Verdict:
    own = await _found(api, orders.lease, orders)
    if own is None:
        return Verdict.GONE
    after = timedelta(seconds=orders.restore_after)
    if own.is_alive(_now(api), after):
        return Verdict.ALIVE
    shared = await _found(api, orders.shared, orders) if orders.shared else None
    if shared is not None:
        if not shared.is_alive(_now(api)):
            await _end(api, shared, orders, log, sleep)
        elif not _others_live(shared, own, after):
            return Verdict.WAITING
    await _end(api, own, orders, log, sleep)
    return Verdict.UNDONE


async def _found(api: PodApi, name: str, orders: Orders) -> Record | None:
    found = await api.find(LEASE, name, orders.namespace)
    return record_of(found) if found else None


def _now(api: PodApi) -> datetime:
    return datetime.fromtimestamp(api.now, UTC)


def _others_live(shared: Record, own: Record, after: timedelta) -> bool:
    """Whether it was renewed when our own laptop was dead: before that, it may have done so."""
    if shared.renewed is None or own.renewed is None:
        return False
    return shared.renewed >= own.renewed + after


async def _end(
    api: PodApi, record: Record, orders: Orders, log: Log, sleep: Callable[[float], object]
) -> None:
    await _undo(api, record, orders, log, sleep)
    await api.delete(LEASE, record.name, record.namespace, record.uid)
    log(f"session {record.name} is undone, and all that it made goes now")


async def _undo(
    api: PodApi, record: Record, orders: Orders, log: Log, sleep: Callable[[float], object]
) -> None:
    journal = record.journal
    if journal is None or not all_undoable(journal, record.namespace, record.name):
        raise KtError(f"session {record.name} has a journal that the agent does not trust")
    by = f"its agent, after {orders.restore_after:g} s without its laptop"
    claim = taking(by, record.uid, record.version)
    await api.patch(LEASE, record.name, claim, record.namespace)
    undone = await undo(journal, {"kube": FieldBackend(api)})
    for key in undone.written:
        log(f"restored {key}")
    for key in undone.overtaken:
        log(f"left as it is: {key}, changed by someone else")
    if undone.written or record.taken_by or leads_callers(journal):  # by others, a moment ago
        sleep(CALLS if leads_through_router(journal) else SETTLE)


def without_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits for a loop, without the weight of asyncio."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise AssertionError("it waited for a loop")
