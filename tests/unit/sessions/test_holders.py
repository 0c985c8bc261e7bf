from datetime import timedelta

import pytest
from tests.unit.sessions.world import MOMENT

from ktconnect.objects.session import Session, lease, record_of
from ktconnect.sessions.holders import MarkTaken, Taken, ago, described


def record(holder, age=1, **config):
    session = Session(f"kt-mesh-web-{holder}", "demo", "shadow-mesh", f"{holder}@laptop")
    said = {"mode": "mesh", "target": "service/web", "mark": holder, **config}
    return record_of(lease(session, MOMENT - timedelta(seconds=age), said))


def test_all_who_hold_it_are_named():
    taken = Taken(record("ann", 720), MOMENT, record("bob", 5))
    assert str(taken) == (
        "service/web is taken: mesh by ann@laptop via version 'ann', for 12 min; "
        "that laptop is dead, last heard 12 min ago; "
        "mesh by bob@laptop via version 'bob', for 5 s; that laptop is alive, last heard 5 s ago"
    )
    assert taken.alive
    assert "--takeover" in taken.hint
    assert Taken(record("ann", 720), MOMENT).hint == "try again"


def test_a_mark_that_is_taken_is_told_as_kt_connect_does_and_by_whom():
    taken = MarkTaken(record("ann", 5), MOMENT)
    assert str(taken).startswith(
        "Another user is meshing service 'web' via version 'ann', "
        "please specify a different version mark: mesh by ann@laptop"
    )
    assert "--takeover" in taken.hint


def test_a_mark_of_another_header_is_taken_too_and_why():
    theirs = record("ann", 5, header="version")
    why = "(header VERSION; a value is one user's alone whatever its header"
    assert why in str(MarkTaken(theirs, MOMENT, "user"))
    for same in (MarkTaken(theirs, MOMENT, "version"), MarkTaken(record("ann"), MOMENT, "user")):
        assert "whatever its header" not in str(same)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (9e5, "10 days")],
)
def test_times_are_told_in_one_unit(seconds, text):
    assert ago(timedelta(seconds=seconds)) == text


def test_a_session_that_says_little_is_described_as_far_as_it_is_known():
    record = record_of({"metadata": {"name": "kt-x"}})
    assert described(record, MOMENT) == "a session by unknown"
