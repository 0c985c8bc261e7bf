import json

import pytest

from ktconnect.cli.main import run
from ktconnect.modes.replay import mode

HAR = {
    "log": {
        "entries": [
            {
                "request": {"method": "GET", "url": "http://web/"},
                "response": {"status": 200, "statusText": "OK"},
            }
        ]
    }
}


@pytest.fixture
def asked(monkeypatch):
    found = []

    async def remember(spec, _reporter):
        found.append(spec)

    monkeypatch.setattr(mode, "run", remember)
    return found


def test_the_flags_reach_the_mode(asked):
    code = run(
        [
            *("replay", "a.har", "--to", "localhost:8080", "--diff", "--filter", "path:/api"),
            *("--ignoreHeader", "X-A", "--header", "X-User: ann", "--speed", "asrecorded"),
            *("--timeout", "5"),
        ]
    )
    assert code == 0
    (spec,) = asked
    assert (spec.file, str(spec.to.target), spec.diff) == ("a.har", "tcp:localhost:8080", True)
    assert (spec.ignored, spec.headers) == (frozenset({"x-a"}), (("X-User", "ann"),))
    assert (spec.speed, spec.limit, len(spec.filters)) == ("asRecorded", 5.0, 1)


def test_speeds_are_said_as_they_are_written(capsys):
    assert run(["replay", "-h"]) == 0
    assert "--speed [asRecorded|max]" in capsys.readouterr().out


def test_no_answer_ends_with_a_code_of_its_own(tmp_path, capsys):
    path = tmp_path / "a.har"
    path.write_text(json.dumps(HAR))
    assert run(["replay", str(path), "--to", str(tmp_path / "nobody"), "-o", "json"]) == 10
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in events] == ["compared", "totals", "error"]
    assert events[0]["origin"] == "200 OK"
    assert events[1]["failed"] == 1


def test_a_wrong_place_is_said(capsys):
    assert run(["replay", "a.har", "--to", "ftp://x"]) == 2
    assert "--to ftp://x" in capsys.readouterr().err
