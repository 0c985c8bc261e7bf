"""How an agent undoes its own session: the same steps that ktctl takes, without a laptop.

What is undone is what stands in the Lease's journal; callers are given time to follow, then the
Lease is deleted, and the garbage collector takes all that it owns: the agent too.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, TypeVar

from ktconnect.apply.engine import undo
from ktconnect.errors import KtError
from ktconnect.kube.fields import FieldBackend
from ktconnect.kube.undoable import all_undoable
from ktconnect.objects.session import LEASE, Record, record_of, taking
from ktconnect.wire.spec import Guard as Orders

from .podapi import PodApi

SETTLE: Final = 3.0
"""Seconds that the nodes' proxies may take to follow an endpoint."""

T = TypeVar("T")
Log = Callable[[str], object]


class Verdict(Enum):
    """What became of an attempt."""

    UNDONE = "undone"
    ALIVE = "alive"
    """The laptop has renewed the Lease, or did so at this very moment."""
    GONE = "gone"
    """There is no such session any more: somebody was faster."""


def restore(api: PodApi, orders: Orders, log: Log, sleep: Callable[[float], object]) -> Verdict:
    """Undo the session if its laptop is silent. Blocks for as long as it takes.

    Raises: KtError if the right is missing, the server does not answer, or what is written in the
    journal can't be undone; what was undone until then stays so, and it may be tried again.
    """
    return without_loop(_restore(api, orders, log, sleep))


async def _restore(
    api: PodApi, orders: Orders, log: Log, sleep: Callable[[float], object]
) -> Verdict:
    found = await api.find(LEASE, orders.lease, orders.namespace)
    if found is None:
        return Verdict.GONE
    record = record_of(found)
    if record.is_alive(
        datetime.fromtimestamp(api.now, UTC), timedelta(seconds=orders.restore_after)
    ):
        return Verdict.ALIVE
    await _undo(api, record, orders, log, sleep)
    await api.delete(LEASE, orders.lease, orders.namespace, record.uid)
    log(f"session {orders.lease} is undone, and all that it made goes now")
    return Verdict.UNDONE


async def _undo(
    api: PodApi, record: Record, orders: Orders, log: Log, sleep: Callable[[float], object]
) -> None:
    if record.journal is None or not all_undoable(record.journal, record.namespace):
        raise KtError(f"session {record.name} has a journal that the agent does not trust")
    by = f"its agent, after {orders.restore_after:g} s without its laptop"
    claim = taking(by, record.uid, record.version)
    await api.patch(LEASE, record.name, claim, record.namespace)
    undone = await undo(record.journal, {"kube": FieldBackend(api)})
    for key in undone.written:
        log(f"restored {key}")
    for key in undone.overtaken:
        log(f"left as it is: {key}, changed by someone else")
    if undone.written:
        sleep(SETTLE)


def without_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits for a loop, without the weight of asyncio."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise AssertionError("it waited for a loop")
