import json

import pytest
from tests.unit.background.processes import process

from ktconnect.background.presence import announced
from ktconnect.cli.main import run
from ktconnect.cli.status import NOT_UP, carries, exit_code, round_trip


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


def test_figures_are_shown_in_words_and_none_as_nothing():
    assert round_trip({"roundTrip": 0.0012}) == "1.2 ms"
    assert round_trip({"roundTrip": None}) == ""
    assert carries({"calls": None, "streams": 3}) == "3 streams"
    assert carries({"calls": None, "streams": 1}) == "1 stream"
    assert carries({"calls": None, "streams": None}) == ""
    calls = {"open": 1, "total": 7, "refused": 0, "to_origin": 0, "failed": 0}
    assert carries({"calls": calls, "streams": 1}).startswith("1 call open, 7 in all")
