import dataclasses
import json

import pytest
from tests.unit.background.processes import dead, process, sleeping

from ktconnect.background.log import fresh, log_path
from ktconnect.background.presence import announced
from ktconnect.cli.logs import text_of
from ktconnect.cli.main import run

T = {"time": "2026-01-01T12:00:00+00:00"}


def line(event, **told):
    return json.dumps({**T, "event": event, **told}) + "\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (line("step", title="t", result="Found", seconds=0.14), "✓ Found 0.1 s"),
        (line("step", title="t", result="Deaf", seconds=0.14, good=False), "! Deaf 0.1 s"),
        (line("note", message="hm"), "· hm"),
        (line("warning", message="oh", hint="so"), "! oh\n  so"),
        (line("error", message="no", hint="", exitCode=1), "Error: no"),
        (
            line("ready", session="kt-x", seconds=1.0, advice=["go"]),
            "Ready after 1.0 s: kt-x\n  go",
        ),
        (line("status", target="shop/web", health="down", reason="lost"), "● shop/web down: lost"),
        (line("status", target="", health="up", reason=""), "● up"),
        (line("end", exitCode=0), "Ended"),
        (line("news"), "news"),
    ],
)
def test_every_event_has_a_line_for_people(said, shown):
    assert text_of(said).partition(" ")[2] == shown


def test_a_call_is_shown_as_in_the_foreground():
    call = {
        "session": "s", "service": "shop/web", "port": 80, "protocol": "tcp",
        "caller": "10.0.0.1:5", "target": "127.0.0.1:8080", "seconds": 0.1, "received": 1,
        "sent": 2, "ended": "closed",
    }  # fmt: skip
    assert "10.0.0.1:5 → shop/web:80 → 127.0.0.1:8080" in text_of(line("call", **call))


def test_what_was_compared_is_shown_as_in_the_foreground():
    told = {
        "service": "shop/web", "id": "u", "request": "GET /a?x=[1]", "origin": "200 OK",
        "laptop": "200 OK", "answered": True, "seconds": 0.1,
    }  # fmt: skip
    differences = [{"what": "body", "where": "$.a", "origin": "[red]", "laptop": "2"}]
    said = text_of(line("compared", **told, differences=differences)).partition(" ")[2]
    assert said == "≠ GET /a?x=[1]\n    body $.a\n      - [red]\n      + 2"
    said = text_of(line("compared", **told, differences=[]))
    assert said.endswith("· GET /a?x=[1] · 200 OK")
    sums = {"service": "shop/web", "compared": 3, "differing": 1, "failed": 0, "unpaired": 0}
    assert text_of(line("totals", **sums, diff=True)).endswith(" 3 compared, 1 differ")


def test_what_is_no_event_is_shown_as_it_is():
    assert text_of("Traceback (most recent call last):\n") == "Traceback (most recent call last):"


def in_background(**differs):
    ours = process(**differs)
    return dataclasses.replace(ours, log=str(log_path(ours.key)))


def test_the_log_of_a_session_that_runs_is_shown(kt_home, capsys):
    ours = in_background(sessions=("kt-x",))
    fresh(log_path(ours.key)).write_text(line("note", message="hello") + "a warning\n")
    with announced(ours):
        assert run(["logs", "kt-x"]) == 0
        assert "· hello\na warning\n" in capsys.readouterr().out
        assert run(["logs", "kt-x", "-o", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["message"] == "hello"


def test_the_log_of_one_that_has_ended_is_found_by_what_it_was_called(kt_home, capsys):
    gone = dead(sessions=("kt-x",))
    said = line("ready", session="kt-x", seconds=1, advice=[]) + line("note", message="late")
    fresh(log_path(gone.key)).write_text(said)
    fresh(log_path("exchange-1")).write_text(line("note", message="other"))
    for name in ("kt-x", gone.key, str(gone.owner.pid)):
        assert run(["logs", name, "-f"]) == 0
        assert "late" in capsys.readouterr().out


def test_without_a_name_the_only_one_that_runs_is_meant(kt_home, capsys):
    ours = in_background(sessions=("kt-x",))
    fresh(log_path(ours.key)).write_text(line("note", message="hello"))
    with announced(ours):
        assert run(["logs"]) == 0
        assert "· hello" in capsys.readouterr().out
        with sleeping() as (_, other):
            with announced(dataclasses.replace(other, log="x", sessions=("kt-y",))):
                assert run(["logs"]) == 2
        said = capsys.readouterr().err
        assert "2 sessions run in the background" in said
        assert "`ktctl logs kt-x`" in said
        assert "`ktctl logs kt-y`" in said


def test_without_a_name_and_a_session_it_is_said_what_there_is(kt_home, capsys):
    assert run(["logs"]) == 2
    assert "--detach runs it with a log" in capsys.readouterr().err
    fresh(log_path("exchange-1")).write_text(line("note", message="other"))
    assert run(["logs"]) == 2
    assert "has ended: `ktctl logs exchange-1`" in capsys.readouterr().err


def test_where_there_is_no_log_it_is_said_why(kt_home, capsys):
    assert run(["logs", "nix"]) == 2
    assert "no log of nix" in capsys.readouterr().err
    with announced(process(sessions=("kt-x",))):
        assert run(["logs", "kt-x"]) == 2
    assert "in the foreground" in capsys.readouterr().err


def test_a_log_is_followed_until_its_process_has_ended(kt_home, capsys, monkeypatch):
    ours = in_background(sessions=("kt-x",))
    fresh(log_path(ours.key)).write_text(line("note", message="hello"))
    told = iter([True, False])
    monkeypatch.setattr("ktconnect.apply.owner.Owner.is_alive", lambda *_: next(told, False))
    with announced(ours):
        assert run(["logs", "kt-x", "-f"]) == 0
    assert "hello" in capsys.readouterr().out
