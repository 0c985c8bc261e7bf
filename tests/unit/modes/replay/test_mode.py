import asyncio
import json

import pytest
from tests.unit.modes.answering import answering, ok, serving
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import UsageError
from ktconnect.modes.replay.mode import Differ, run
from ktconnect.modes.replay.spec import Place, ReplaySpec
from ktconnect.rules.match import parse_match
from ktconnect.traffic.exchange import Answer, Body, Exchange, Request
from ktconnect.traffic.har import TAIL, entry_of, more, opening
from ktconnect.wire.target import Target

HOST = ("Host", "web")


def recorded(path, body=b"hi", began=0.0, headers=(HOST,)):
    request = Request("GET", path, headers)
    return Exchange(request, Answer(200, (), Body.whole(body), "OK"), began, 0.1)


@pytest.fixture
def har(tmp_path):
    def write(*seen):
        text = opening("1")
        for number, each in enumerate(seen):
            text = text[: -len(TAIL)] + more(entry_of(each), first=not number)
        path = tmp_path / "a.har"
        path.write_bytes(text)
        return str(path)

    return write


async def test_equal_answers_are_told_and_are_success(har):
    file, reporter = har(recorded("/1"), recorded("/2")), Remembering()
    async with answering(lambda head: ok()) as (target, heads):
        await run(ReplaySpec(file, Place(target), diff=True), reporter)
    assert [head.split()[1] for head in heads] == [b"/1", b"/2"]
    assert [each.request for each in reporter.comparisons] == ["GET /1", "GET /2"]
    (totals,) = reporter.sums
    assert (totals.compared, totals.differing, totals.failed) == (2, 0, 0)


async def test_another_answer_is_a_difference_and_no_success(har):
    file, reporter = har(recorded("/1"), recorded("/2")), Remembering()

    def answer(head):
        return ok(b"no" if b"/2" in head else b"hi")

    async with answering(answer) as (target, _):
        with pytest.raises(Differ, match="of 2 requests, 1 got another answer") as caught:
            await run(ReplaySpec(file, Place(target), diff=True), reporter)
        await run(ReplaySpec(file, Place(target)), reporter)  # not asked to compare
    assert caught.value.exit_code == 10
    assert [each.diff for each in reporter.sums] == [True, False]
    same, other = reporter.comparisons[:2]
    assert not same.differences
    assert (other.differences[0].origin, other.differences[0].laptop) == ("hi", "no")


async def test_no_answer_is_no_success_either(har):
    reporter, nowhere = Remembering(), Place(Target("unix", "/nowhere"))
    with pytest.raises(Differ, match="of 1 request, 1 got none"):
        await run(ReplaySpec(har(recorded("/")), nowhere), reporter)
    assert not reporter.comparisons[0].answered
    assert "no such file" in reporter.comparisons[0].laptop


async def test_as_recorded_keeps_the_order_of_time_and_lets_requests_overlap(har):
    file, reporter = har(recorded("/slow"), recorded("/quick", began=0.05)), Remembering()
    release = asyncio.Event()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/slow" in head:
            await release.wait()
        else:
            release.set()
        writer.write(ok())
        await writer.drain()

    async with serving(serve) as target:
        await run(ReplaySpec(file, Place(target), speed="asRecorded"), reporter)
    assert {each.request for each in reporter.comparisons} == {"GET /slow", "GET /quick"}


@pytest.mark.timeout(60)
async def test_as_recorded_sends_what_has_no_time_with_its_neighbour(tmp_path):
    path = tmp_path / "a.har"
    entry = {"request": {"method": "GET", "url": "http://web/1"}}
    timed = {"startedDateTime": "2026-01-02T03:04:05Z"}
    path.write_text(json.dumps({"log": {"entries": [entry, {**entry, **timed}]}}))
    reporter = Remembering()
    async with answering(lambda head: ok()) as (target, heads):
        await run(ReplaySpec(str(path), Place(target), speed="asRecorded"), reporter)
    assert len(heads) == 2


async def test_secrets_that_were_not_recorded_are_said(har):
    file = har(recorded("/", headers=(HOST, ("Authorization", "Bearer x"))))
    reporter = Remembering()
    async with answering(lambda head: ok()) as (target, heads):
        await run(ReplaySpec(file, Place(target)), reporter)
    assert b"uthorization" not in heads[0]
    assert reporter.warnings[0][0] == "not recorded, and so not sent: authorization"


async def test_a_file_without_a_request_to_send_is_refused(har, tmp_path):
    spec = ReplaySpec(har(recorded("/")), Place(Target("unix", "/x")), (parse_match("path:/api"),))
    with pytest.raises(UsageError, match="no request to send") as caught:
        await run(spec, Remembering())
    assert "--filter" in caught.value.hint
    binary = tmp_path / "b.har"
    binary.write_bytes(b"\xff\xfe")
    for file, why in ((str(tmp_path / "none"), "can't be read"), (str(binary), "is no text")):
        with pytest.raises(UsageError, match=why):
            await run(ReplaySpec(file, spec.to), Remembering())
    empty = tmp_path / "c.har"
    empty.write_text(json.dumps({"log": {"entries": []}}))
    with pytest.raises(UsageError, match="no request to send"):
        await run(ReplaySpec(str(empty), spec.to), Remembering())
