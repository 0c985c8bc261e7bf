"""Who holds what somebody else wants, in words. Pure."""

from datetime import datetime, timedelta
from typing import Final

from ktconnect import names
from ktconnect.errors import Conflict
from ktconnect.objects.session import Record

HEADER: Final = "header"
"""In the ``kt-config`` of who shares a Service by a mark: the name of the mark's header."""


class Taken(Conflict):
    """Somebody holds what we were about to take: ``record`` says who, ``alive`` whether still."""

    def __init__(self, record: Record, now: datetime, *others: Record, what: str = "") -> None:
        """``others`` hold it as well; ``what`` is said instead of that it is taken."""
        self.record = record
        self.now = now
        self.alive = any(each.is_alive(now) for each in (record, *others))
        taken = what or f"{record.target or f'session {record.name}'} is taken"
        holders = "; ".join(_held(each, now) for each in (record, *others))
        super().__init__(
            f"{taken}: {holders}",
            hint="talk to them, or take it over with --takeover" if self.alive else "try again",
        )


class MarkTaken(Taken):
    """Somebody shares the Service by the very mark that we wanted to."""

    def __init__(self, record: Record, now: datetime, header: str = "") -> None:
        """``header``: the name of the one that we wanted to be marked by."""
        service = record.target.rpartition("/")[2]
        theirs = str(record.config.get(HEADER, ""))
        what = f"Another user is meshing service '{service}' via version '{record.mark}'"
        if header and theirs and header != theirs:
            what += (
                f" (header {theirs.upper()}; a value is one user's alone whatever its header, as "
                "answers are told apart by it)"
            )
        super().__init__(record, now, what=f"{what}, please specify a different version mark")
        self.hint = "--versionMark NAME is another one; --takeover takes this one over"


def is_shared(record: Record) -> bool:
    """Whether it is nobody's own session, but what several share."""
    return record.role == names.ROLE_ROUTER and record.mode == names.ROUTER


def called(record: Record) -> str:
    """``session kt-exchange-web of ann@laptop``, or what nobody has alone."""
    if is_shared(record):
        return f"what is shared of {record.target}"
    return f"session {record.name} of {record.holder}"


def described(record: Record, now: datetime) -> str:
    """``exchange by ann@laptop, for 12 min``."""
    since = f", for {ago(now - record.since)}" if record.since else ""
    mark = f" via version '{record.mark}'" if record.mark else ""
    return f"{record.mode or record.role or 'a session'} by {record.holder}{mark}{since}"


def _held(record: Record, now: datetime) -> str:
    """A laptop that died a moment ago counts as alive: so it is said when it was heard."""
    state = "is alive" if record.is_alive(now) else "is dead"
    heard = f", last heard {ago(now - record.renewed)} ago" if record.renewed else ""
    return f"{described(record, now)}; that laptop {state}{heard}"


def ago(passed: timedelta) -> str:
    """A time that has passed, in its largest unit: ``40 s``, ``12 min``, ``3 h``, ``2 days``."""
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
