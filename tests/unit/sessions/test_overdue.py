"""What is said of sessions that may have died a moment ago."""

from datetime import UTC, datetime, timedelta

from ktconnect import names
from ktconnect.objects.session import Session, lease, record_of
from ktconnect.sessions.overdue import told_alive, told_overdue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(seconds=60)


def record(name, age, *, lasts=60, taken_by="", role="shadow-exchange", **config):
    session = Session(name, "demo", role, "ann@laptop")
    made = lease(session, NOW - timedelta(seconds=age), config, restore_after=lasts)
    if taken_by:
        made["metadata"]["annotations"][names.ANNOTATION_TAKEN_BY] = taken_by
    return record_of(made)


def overdue(*records, silence=MINUTE):
    return told_overdue(records, NOW, silence)


def alive(*records, silence=MINUTE):
    return told_alive(records, NOW, silence)


def test_one_that_is_late_is_named_with_the_time_that_is_left():
    late = record("late", 34)
    assert overdue(late) == [
        "left: session late of ann@laptop in namespace demo, last heard 34 s ago; it may be undone "
        "in 26 s, if it stays silent"
    ]
    assert alive(late) == ""
    assert "in 266 s" in overdue(late, silence=timedelta(minutes=5))[0]
    assert "in 566 s" in overdue(record("long", 34, lasts=600))[0]
    assert "last heard 8 s ago" in overdue(record("short", 8, lasts=10))[0]


def test_one_that_renews_in_time_is_alive_as_far_as_can_be_seen():
    assert overdue(record("a", 19), record("b", 0, lasts=300)) == []
    assert alive(record("a", 19)) == (
        "1 session is alive, as far as can be seen: one that was killed on another machine counts "
        "as alive until it has been silent for 60 s"
    )
    several = alive(record("a", 19), record("b", 0, lasts=300), record("late", 40))
    assert several.startswith("2 sessions are alive")
    assert several.endswith("silent for 300 s")


def test_what_is_dead_ending_or_nobodys_own_is_not_spoken_of():
    gone = record("dead", 61)
    ending = record("ending", 34, taken_by="eve@desk")
    shared = record("kt-router-web", 34, role=names.ROLE_ROUTER, mode=names.ROUTER)
    assert overdue(gone, ending, shared) == []
    assert alive(gone, record("ending", 1, taken_by="eve@desk")) == ""
