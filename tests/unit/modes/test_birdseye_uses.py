from datetime import UTC, datetime

from tests.unit.modes.test_birdseye_rows import NOW, record, shadow

from ktconnect.modes.birdseye_uses import moment, uses_of


def test_leases_come_before_what_kt_connect_left():
    left = shadow("web-kt-mesh-ci", "shadow-mesh")
    ours, theirs = uses_of([record("kt-mesh-web.x", "mesh", "service/web")], [left], NOW)
    assert (ours.session, ours.alive, ours.ports) == ("kt-mesh-web.x", True, ("80",))
    assert (theirs.session, theirs.mode, theirs.mark) == ("", "mesh", "ci")
    assert theirs.target == "service/web"


def test_what_is_nobodys_own_is_no_use():
    assert uses_of([], [shadow("web-kt-router", "router")], NOW) == ()


def test_a_use_reads_as_an_object():
    [use] = uses_of([record("kt-exchange-web", "exchange", "service/web")], [], NOW)
    told = use.row()
    assert (told["mode"], told["alive"], told["mark"]) == ("exchange", True, "")
    assert told["lastActive"] == NOW.isoformat()


def test_a_moment_may_be_missing():
    assert moment(None) is None
    assert moment("2026-01-01T11:00:00+00:00") == datetime(2026, 1, 1, 11, tzinfo=UTC)
