import json
from dataclasses import replace

import pytest
from tests.unit.modes.reporting import Remembering

from ktconnect.modes.mirror.harfile import HarFile
from ktconnect.modes.mirror.notes import Notes
from ktconnect.modes.mirror.spec import Keeping
from ktconnect.traffic.exchange import Answer, Body, Exchange, Request

SECRET = ("Authorization", "Bearer x")


def exchange(name, body=b"hi", failure=""):
    request = Request("GET", f"/{name}", (("Host", "web"), ("X-Request-Id", name), SECRET))
    answer = None if failure else Answer(200, (), Body.whole(body), "OK")
    return Exchange(request, answer, 100.0, 0.5, failure)


@pytest.fixture
def reporter():
    return Remembering()


def recorded(path):
    return json.loads(path.read_text())["log"]["entries"]


def test_only_answers_that_differ_are_told(reporter):
    notes = Notes("shop/web", Keeping(diff=True), reporter, None, tapped=True)
    for name, body in (("a", b"hi"), ("b", b"ho")):
        notes.original(exchange(name))
        notes.answered(exchange(name, body))
    (told,) = reporter.comparisons
    assert (told.service, told.id, told.request, told.seconds) == ("shop/web", "b", "GET /b", 0.5)
    assert told.differences[0].laptop == "ho"
    notes.close()
    notes.close()
    (totals,) = reporter.sums
    assert (totals.compared, totals.differing, totals.failed, totals.unpaired) == (2, 1, 0, 0)


def test_everything_is_told_if_asked_for(reporter):
    notes = Notes("w", Keeping(diff=True, everything=True), reporter, None, tapped=True)
    notes.original(exchange("a"))
    notes.answered(exchange("a"))
    assert len(reporter.comparisons) == 1


def test_a_program_that_does_not_answer_is_told(reporter):
    notes = Notes("w", Keeping(diff=True), reporter, None, tapped=True)
    notes.answered(exchange("a", failure="connection refused"))
    notes.original(exchange("a"))
    notes.answered(exchange("b"))  # whose original is never seen
    notes.look()
    notes.close()
    (told,) = reporter.comparisons
    assert (told.answered, told.laptop, told.differences) == (False, "connection refused", ())
    (totals,) = reporter.sums
    assert (totals.compared, totals.failed, totals.unpaired) == (1, 1, 1)


def test_both_answers_are_recorded_without_secrets(reporter, tmp_path):
    path = tmp_path / "a.har"
    file = HarFile(str(path))
    notes = Notes("w", Keeping(record=str(path)), reporter, file, tapped=True)
    notes.original(exchange("a"))
    notes.answered(exchange("a", b"ho"))
    notes.answered(exchange("b"))
    assert len(recorded(path)) == 1
    notes.close()
    both, alone = recorded(path)
    assert both["response"]["content"]["text"] == "hi"
    assert both["_laptop"]["content"]["text"] == "ho"
    assert (both["_answeredBy"], alone["_answeredBy"]) == ("origin", "laptop")
    assert "Bearer x" not in path.read_text()
    assert reporter.notes == [f"2 exchanges were recorded in {path}"]
    assert not reporter.sums


def test_what_the_origin_did_not_answer_is_recorded_as_such(reporter, tmp_path):
    path = tmp_path / "a.har"
    keeping = Keeping(record=str(path))
    notes = Notes("w", keeping, reporter, HarFile(str(path)), tapped=True)
    notes.original(exchange("a", failure="the origin did not answer"))
    notes.answered(exchange("a"))
    (entry,) = recorded(path)
    assert (entry["response"]["status"], entry["_laptop"]["status"]) == (0, 200)
    assert entry["response"]["_error"] == "the origin did not answer"
    notes.close()


def test_by_which_http_a_copy_came_is_said_of_both(reporter, tmp_path):
    path = tmp_path / "a.har"
    notes = Notes("w", Keeping(record=str(path)), reporter, HarFile(str(path)), tapped=True)
    copy = exchange("a")
    notes.answered(replace(copy, request=replace(copy.request, version="HTTP/2")))
    notes.original(exchange("a"))
    (entry,) = recorded(path)
    assert entry["request"]["httpVersion"] == entry["response"]["httpVersion"] == "HTTP/2"
    notes.close()


def test_without_a_tap_the_answers_of_the_laptop_are_recorded_at_once(reporter, tmp_path):
    path = tmp_path / "a.har"
    keeping = Keeping(record=str(path), secrets=True)
    notes = Notes("w", keeping, reporter, HarFile(str(path)), tapped=False)
    notes.answered(exchange("a"))
    assert recorded(path)[0]["_answeredBy"] == "laptop"
    assert "Bearer x" in path.read_text()
    notes.close()


def test_a_full_disk_ends_the_recording_alone(reporter):
    class Full:
        entries = 0

        def add(self, entry):
            raise OSError(28, "No space left on device")

        def close(self):
            self.entries = -1

    full = Full()
    notes = Notes("w", Keeping(diff=True, record="x"), reporter, full, tapped=True)  # type: ignore[arg-type]
    for name in "ab":
        notes.original(exchange(name))
        notes.answered(exchange(name, b"ho"))
    assert full.entries == -1
    assert len(reporter.warnings) == 1
    assert len(reporter.comparisons) == 2


def test_what_cant_be_read_is_told_once_for_each_reason(reporter):
    notes = Notes("w", Keeping(diff=True), reporter, None, tapped=True)
    for why in ("HTTP/2", "HTTP/2", "TLS"):
        notes.unread(why)
    assert len(reporter.notes) == 2
