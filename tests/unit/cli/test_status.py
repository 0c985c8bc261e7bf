import json

import pytest
from tests.unit.background.processes import process

from ktconnect.background.asking import judged
from ktconnect.background.presence import announced
from ktconnect.cli.main import run
from ktconnect.cli.mine import row_of
from ktconnect.cli.status import NOT_UP, carries, exit_code, marked, round_trip, warned


def test_nothing_that_runs_is_no_failure(kt_home, capsys):
    assert run(["status"]) == 0
    assert "no session" in capsys.readouterr().out


def test_one_that_is_not_up_is_a_failure(kt_home, capsys):
    with announced(process()) as ours:
        assert run(["status", ours.process.key, "-o", "json"]) == NOT_UP
        [row] = json.loads(capsys.readouterr().out)["sessions"]
        assert row["state"] == "starting"
        assert run(["status", "nix"]) == 2


@pytest.mark.parametrize(("states", "code"), [([], 0), (["up", "up"], 0), (["up", "down"], NOT_UP)])
def test_all_must_be_up(states, code):
    assert exit_code([{"state": state} for state in states]) == code


def test_the_mark_the_driver_and_what_was_warned_of_are_shown(kt_home, capsys):
    told: list[dict[str, object]] = [
        {"event": "ready", "session": "kt-mesh-web.ci", "namespace": "shop",
         "facts": {"service": "shop/web", "mark": "ci", "driver": "router"}},
        {"event": "serving"},
        {"event": "warning", "message": "requests that bob means, too", "hint": ""},
        {"event": "warning", "message": "requests that bob means, too", "hint": ""},
    ]  # fmt: skip

    with announced(process()) as ours:
        for each in told:
            ours.say(json.dumps({"time": "2026-11-21T12:00:00.000+00:00", **each}))
        rows = [row_of(found) for found in judged(ours.process, ours.snapshot())]
    assert (rows[0]["mark"], rows[0]["driver"]) == ("ci", "router")
    assert marked(rows[0]) == "ci (router)"
    [line] = warned(rows)
    assert line.startswith("! kt-mesh-web.ci, ")
    assert line.endswith(": requests that bob means, too")


def test_a_session_without_a_mark_shows_none():
    assert marked({"mark": "", "driver": ""}) == ""


def test_figures_are_shown_in_words_and_none_as_nothing():
    assert round_trip({"roundTrip": 0.0012}) == "1.2 ms"
    assert round_trip({"roundTrip": None}) == ""
    assert carries({"calls": None, "streams": 3}) == "3 streams"
    assert carries({"calls": None, "streams": 1}) == "1 stream"
    assert carries({"calls": None, "streams": None}) == ""
    calls = {"open": 1, "total": 7, "refused": 0, "to_origin": 0, "failed": 0}
    assert carries({"calls": calls, "streams": 1}).startswith("1 call open, 7 in all")
