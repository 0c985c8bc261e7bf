import json

from tests.unit.modes.reporting import Remembering

from ktconnect.cli.telling import Both, Published, Replay, error_line, event_of, line_of, ready_of
from ktconnect.errors import UsageError
from ktconnect.modes.report import CallEnded, Ready, Status

READY = Ready("forward", "demo", "kt-forward-a", 1.5, {"ports": ["x"]}, ("try it",))
CALL = CallEnded("s", "shop/web", 80, "tcp", "10.0.0.1:5", "127.0.0.1:8080", 0.1, 1, 2, "closed")


class Hearing(Remembering):
    def call(self, call):
        self.notes.append(call)


def said():
    lines: list[str] = []
    return lines, Published(lines.append)


def events(lines):
    return [json.loads(line)["event"] for line in lines]


def test_what_is_published_says_when_a_step_begins_and_when_all_is_serving():
    lines, published = said()
    with published.step("Looking") as step:
        assert events(lines) == ["begin"]
        step.says("Found")
    published.ready(READY, READY)
    assert events(lines) == ["begin", "step", "ready", "ready", "serving"]
    assert all(line.endswith("\n") for line in lines)


def test_both_reporters_hear_everything():
    lines, published = said()
    heard = Hearing()
    both = Both(heard, published)
    with both.step("Looking") as step:
        step.warns("Found")
    both.note("a note")
    both.warn("a warning", "a hint")
    both.ready(READY)
    both.status(Status("up"))
    both.call(CALL)
    assert heard.steps == ["! Found"]
    assert json.loads(lines[1])["good"] is False
    assert heard.warnings == [("a warning", "a hint")]
    assert heard.notes == ["a note", CALL]
    assert events(lines) == [
        "begin", "step", "note", "warning", "ready", "serving", "status", "call",
    ]  # fmt: skip


def test_what_was_published_is_shown_again_elsewhere():
    lines, published = said()
    with published.step("Looking") as step:
        step.says("Found")
    published.note("a note")
    published.warn("a warning", "a hint")
    published.status(Status("up"))
    heard = Remembering()
    replay = Replay(heard)
    for line in lines:
        replay.show(json.loads(line))
    replay.close()
    assert (heard.steps, heard.notes) == (["Found"], ["a note"])
    assert heard.warnings == [("a warning", "a hint")]


def test_a_step_that_never_came_to_its_end_is_none():
    heard = Remembering()
    replay = Replay(heard)
    replay.show({"event": "begin", "title": "Looking"})
    replay.close()
    assert heard.steps == []


def test_ready_is_the_same_again_but_for_its_ending():
    lines, published = said()
    published.ready(READY)
    again = ready_of({**json.loads(lines[0]), "news": 1}, "in the background")
    assert again.ending == "in the background"
    assert (again.session, again.advice) == (READY.session, READY.advice)


def test_lines_are_events_and_other_output_is_none():
    assert event_of(line_of("note", message="x")) is not None
    error = json.loads(error_line(UsageError("no", hint="so")))
    assert (error["message"], error["hint"], error["exitCode"]) == ("no", "so", 2)
    for line in ("Traceback", "{}", "[1]", "null", ""):
        assert event_of(line) is None


def test_steps_that_overlap_are_told_apart():
    heard = Remembering()
    replay = Replay(heard)
    for title in ("one", "two"):
        replay.show({"event": "begin", "title": title})
    for title in ("one", "two", "three"):
        replay.show({"event": "step", "title": title, "result": f"did {title}"})
    replay.close()
    assert heard.steps == ["did one", "did two"]


def test_a_note_says_which_warning_it_settles():
    heard = Remembering()
    lines, published = said()
    both = Both(heard, published)
    both.note("it listens", settles="nothing listens")
    both.note("hm")
    assert heard.settled == ["nothing listens"]
    settled, plain = map(json.loads, lines)
    assert (settled["message"], settled["settles"]) == ("it listens", "nothing listens")
    assert "settles" not in plain
