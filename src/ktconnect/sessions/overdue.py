"""Sessions that may have died a moment ago: they count as alive until their time is over. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from ktconnect.objects.session import Record, renew_seconds

from .holders import ago, called, is_shared

SLACK: Final = timedelta(seconds=5)
"""How late a living session may be with its renewal."""


def told_overdue(records: Iterable[Record], now: datetime, silence: timedelta) -> list[str]:
    """A line for each session that has not renewed its Lease when it should have, and is not dead
    yet. ``silence``: how long one must have been silent to be undone, if it may not be for longer.
    """
    return [
        f"left: {called(each)} in namespace {each.namespace}, last heard {ago(passed)} ago; "
        f"it may be undone in {ceil((_lasts(each, silence) - passed).total_seconds())} s, "
        f"if it stays silent"
        for each in _living(records, now, silence)
        if (passed := _passed(each, now)) > _pace(each)
    ]


def told_alive(records: Iterable[Record], now: datetime, silence: timedelta) -> str:
    """A line about those that seem to be alive; "" if there are none."""
    found = [each for each in _living(records, now, silence) if _passed(each, now) <= _pace(each)]
    if not found:
        return ""
    longest = ceil(max(_lasts(each, silence) for each in found).total_seconds())
    what = "1 session is" if len(found) == 1 else f"{len(found):,} sessions are"
    return (
        f"{what} alive, as far as can be seen: one that was killed on another machine counts as "
        f"alive until it has been silent for {longest} s"
    )


def _living(records: Iterable[Record], now: datetime, silence: timedelta) -> list[Record]:
    return [
        each
        for each in records
        if each.is_alive(now, _lasts(each, silence)) and not is_shared(each) and not each.taken_by
    ]


def _lasts(record: Record, silence: timedelta) -> timedelta:
    return max(record.duration, silence)


def _passed(record: Record, now: datetime) -> timedelta:
    return now - (record.renewed or now)


def _pace(record: Record) -> timedelta:
    return timedelta(seconds=renew_seconds(record.duration.total_seconds())) + SLACK
