import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from ktconnect.cli.lines import call_line
from ktconnect.cli.output import JsonReporter, TextReporter, report_error, reporter_for
from ktconnect.errors import UsageError
from ktconnect.modes.report import CallEnded, Calls, Compared, Ready, Status, Totals
from ktconnect.traffic.compare import Difference

UP = Status("up", round_trip=0.0006, streams=3, received=1_234_567, sent=3000, reconnections=1)


def tell(reporter):
    with reporter.step("Looking") as step:
        step.says("Found")
    reporter.note("a note")
    reporter.warn("a warning", "a hint")
    reporter.ready(Ready("connect", "demo", "kt-x", 1.25, {"ranges": ["10.0.0.0/8"]}, ("try it",)))
    reporter.status(UP)
    reporter.status(Status("down", reason="Pod gone"))
    reporter.close()


def test_a_person_reads_what_happened_and_how_long_it_took():
    out = io.StringIO()
    tell(TextReporter(Console(file=out, width=200)))
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("✓ Found")
    assert "a note" in lines[1]
    assert lines[2:4] == ["! a warning", "  a hint"]
    assert lines[4:6] == ["Ready after 1.2 s. Stop with Ctrl-C.", "  try it"]
    assert lines[6] == "● up · 0.6 ms · 3 streams · ↓ 1.2 MB ↑ 3.0 kB · 1 reconnection"
    assert lines[7].startswith("● down: Pod gone")


CALL = CallEnded(
    "kt-exchange-web", "shop/web", 80, "tcp", "10.244.1.7:41234", "127.0.0.1:8080",
    0.123, 1200, 3_400_000, "closed",
)  # fmt: skip


def test_several_sessions_are_ready_at_once_with_what_kt_connect_says():
    out = io.StringIO()
    reporter = TextReporter(Console(file=out, width=200))
    reporter.ready(
        Ready("exchange", "shop", "a", 1.0, {}, banner="Now all request to a"),
        Ready("exchange", "shop", "b", 2.0, {}, ("look",), banner="Now all request to b"),
    )
    assert out.getvalue().splitlines() == [
        "Now all request to a", "Now all request to b",
        "Ready after 2.0 s. Stop with Ctrl-C.", "  look",
    ]  # fmt: skip


def test_each_session_has_a_line_of_its_own():
    out = io.StringIO()
    reporter = TextReporter(Console(file=out, width=200))
    for target, health in (
        ("shop/a", "up"),
        ("shop/b", "up"),
        ("shop/a", "up"),
        ("shop/a", "down"),
    ):
        reporter.status(Status(health, target=target, calls=Calls(2, 7)))  # type: ignore[arg-type]
    lines = out.getvalue().splitlines()
    assert [line.split(" · ")[0] for line in lines] == [
        "● shop/a up", "● shop/b up", "● shop/a down",
    ]  # fmt: skip
    assert "2 calls open, 7 in all" in lines[0]


def test_a_call_is_shown_with_where_it_led_and_how_it_ended():
    assert call_line(CALL) == (
        "10.244.1.7:41234 → shop/web:80 → 127.0.0.1:8080 · ↓ 1.2 kB ↑ 3.4 MB · 0.12 s · closed"
    )
    assert (
        call_line(replace(CALL, protocol="udp"))
        .split(" · ")[0]
        .startswith("10.244.1.7:41234 → shop/web:80/udp")
    )
    out = io.StringIO()
    TextReporter(Console(file=out, width=200)).call(CALL)
    assert out.getvalue().rstrip().endswith(call_line(CALL))
    out = io.StringIO()
    JsonReporter(out).call(CALL)
    told = json.loads(out.getvalue())
    assert (told["event"], told["caller"], told["received"]) == ("call", "10.244.1.7:41234", 1200)


def test_an_unchanged_state_is_not_repeated_where_no_terminal_is():
    out = io.StringIO()
    reporter = TextReporter(Console(file=out, width=200))
    reporter.status(UP)
    reporter.status(UP)
    assert len(out.getvalue().splitlines()) == 1


def test_a_state_is_one_line_where_no_terminal_is_however_long():
    out = io.StringIO()
    TextReporter(Console(file=out, width=30)).status(UP)
    assert len(out.getvalue().splitlines()) == 1


def test_on_a_terminal_the_last_line_is_alive_and_vanishes_at_the_end():
    out = io.StringIO()
    reporter = TextReporter(Console(file=out, width=80, force_terminal=True))
    reporter.status(UP)
    reporter.close()
    assert "3 streams" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


def on_terminal(**environ):
    out = io.StringIO()
    known = {"TERM": "xterm", **environ}
    return TextReporter(Console(file=out, width=80, force_terminal=True, _environ=known)), out


def test_a_step_takes_the_live_line_away_until_there_is_a_state_again():
    reporter, out = on_terminal()
    reporter.status(UP)
    shown = out.tell()
    with reporter.step("Taking it away") as step:
        reporter.status(UP)
        step.says("Nothing is left")
    before, _, rest = out.getvalue()[shown:].partition("Taking it away")
    assert "\x1b[1A\x1b[2K" in before
    assert "Nothing is left" in rest
    assert "● " not in rest
    shown = out.tell()
    reporter.status(UP)
    assert "3 streams" in out.getvalue()[shown:]
    reporter.close()


def test_a_step_that_failed_hides_no_later_state():
    reporter, out = on_terminal()
    with pytest.raises(UsageError), reporter.step("Looking"):
        raise UsageError("no")
    reporter.status(UP)
    reporter.close()
    assert "3 streams" in out.getvalue()


def test_nothing_is_alive_once_it_was_closed():
    reporter, out = on_terminal()
    reporter.close()
    reporter.status(UP)
    reporter.note("stopping")
    assert "● " not in out.getvalue()
    assert "stopping" in out.getvalue()


def test_a_dumb_terminal_gets_changes_as_lines_and_no_codes():
    reporter, out = on_terminal(TERM="dumb")
    tell(reporter)
    reporter.status(UP)
    assert "\x1b" not in out.getvalue()
    assert "● up" in out.getvalue()
    assert "● down" in out.getvalue()


def test_without_colours_weights_stay_as_no_color_is_about_colours_alone():
    reporter, out = on_terminal(NO_COLOR="1")
    tell(reporter)
    weights = set(re.findall(r"\x1b\[([0-9;]*)m", out.getvalue()))
    assert weights <= {"0", "1", "2"}
    coloured, out = on_terminal(NO_COLOR="")  # empty is as if it were not there
    tell(coloured)
    assert "\x1b[32m" in out.getvalue()


def test_a_program_reads_one_object_a_line():
    out = io.StringIO()
    tell(JsonReporter(out))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in events] == [
        "step", "note", "warning", "ready", "status", "status",
    ]  # fmt: skip
    assert events[0]["result"] == "Found"
    assert events[3]["facts"] == {"ranges": ["10.0.0.0/8"]}
    assert events[5]["reason"] == "Pod gone"
    ages = [datetime.now(UTC) - datetime.fromisoformat(event["time"]) for event in events]
    assert all(timedelta(0) <= age < timedelta(minutes=1) for age in ages)


def test_an_error_says_what_happened_and_what_to_do(capsys):
    error = UsageError("no such thing", hint="try another")
    report_error(error, "text")
    assert capsys.readouterr().err == "Error: no such thing\n  try another\n"
    report_error(error, "json")
    told = json.loads(capsys.readouterr().out)
    assert datetime.fromisoformat(told.pop("time")).tzinfo is UTC
    assert told == {
        "event": "error", "message": "no such thing", "hint": "try another", "exitCode": 2,
    }  # fmt: skip


def test_the_reporter_is_the_one_asked_for():
    assert isinstance(reporter_for("json"), JsonReporter)
    assert isinstance(reporter_for("text"), TextReporter)


SERVICE = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
KEY = "v1/Service/demo/web#/spec/selector"


def test_a_dry_run_is_yaml_and_changes_for_a_person():
    out = io.StringIO()
    reporter = TextReporter(Console(file=out, width=20))
    shared = {"a": "b"}
    reporter.would_create({**SERVICE, "one": shared, "two": shared})
    reporter.would_change(KEY, {"app": "web"}, None)
    text = out.getvalue()
    assert text.startswith("---\nkind: Service\nmetadata:\n  name: web\n")
    assert text.count("a: b") == 2  # no anchors: it is to be read, and to be used
    assert text.endswith(f'{KEY}: {{"app": "web"}} -> absent\n')


def test_a_dry_run_is_an_object_a_line_for_a_program():
    out = io.StringIO()
    reporter = JsonReporter(out)
    reporter.would_create(SERVICE)
    reporter.would_change(KEY, 2, 0)
    created, changed = map(json.loads, out.getvalue().splitlines())
    assert (created["event"], created["object"]) == ("create", SERVICE)
    assert (changed["event"], changed["key"], changed["before"], changed["after"]) == (
        "change", KEY, 2, 0,
    )  # fmt: skip


def test_comparisons_are_told_to_a_person_and_to_a_program():
    told = Compared(
        "shop/web",
        "u",
        "GET /",
        "200 OK",
        "200 OK",
        answered=True,
        seconds=0.1,
        differences=(Difference("status", "", "200", "500"),),
    )
    text, lines = io.StringIO(), io.StringIO()
    for reporter in (TextReporter(Console(file=text)), JsonReporter(lines)):
        reporter.compared(told)
        reporter.totals(Totals("shop/web", 2, 1, 0))
    assert "≠ GET /" in text.getvalue()
    assert "2 compared, 1 differ" in text.getvalue()
    one, two = map(json.loads, lines.getvalue().splitlines())
    assert one["differences"] == [{"what": "status", "where": "", "origin": "200", "laptop": "500"}]
    assert (two["event"], two["differing"]) == ("totals", 1)


def test_a_step_that_found_trouble_has_no_tick():
    out, events = io.StringIO(), io.StringIO()
    for reporter in (TextReporter(Console(file=out, width=200)), JsonReporter(events)):
        with reporter.step("Trying") as step:
            step.warns("web:80 does not answer")
        reporter.close()
    assert out.getvalue().startswith("! web:80 does not answer")
    assert json.loads(events.getvalue())["good"] is False


def test_conditions_are_no_emojis(capsys):
    reporter = reporter_for("text")
    with reporter.step("header:x:"):
        reporter.warn("header:x:", "header:x:")
    reporter.would_create({"kind": "Service", "metadata": {"name": "header:x:"}})
    reporter.close()
    report_error(UsageError("header:x:", hint="header:x:"), "text")
    out, err = capsys.readouterr()
    assert out.count("header:x:") == 4
    assert err.count("header:x:") == 2


def test_a_step_that_goes_on_has_no_emojis():
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, emoji=False)
    with TextReporter(console).step("header:x:") as step:
        step.says("done")
    assert "header:x:" in out.getvalue()
