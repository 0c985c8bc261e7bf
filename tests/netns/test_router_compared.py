"""Copies and their originals' answers, both seen and compared: a real Envoy, real gRPC."""

import asyncio
import contextlib
import json
import time

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
import httpx2
import pytest
from tests.cluster.images.polyglot.calls import call
from tests.netns.routing import BOB, ROUTER
from tests.unit.modes.reporting import Remembering

from ktconnect.modes.mirror.harfile import HarFile
from ktconnect.modes.mirror.notes import Notes
from ktconnect.modes.mirror.reading import Reading
from ktconnect.modes.mirror.spec import Keeping
from ktconnect.modes.replay.mode import Differ, run
from ktconnect.modes.replay.spec import ReplaySpec, parse_place
from ktconnect.modes.serving.programs import Programs
from ktconnect.rules.envoy_tap import tap_request
from ktconnect.traffic.grpc import code_of, messages
from ktconnect.traffic.har_read import read_har
from ktconnect.traffic.traces import Traces
from ktconnect.wire.target import Target

pytestmark = [pytest.mark.netns, pytest.mark.timeout(90)]

AGENT = "127.0.1.4"
"""Where the router sends copies to; they go on to Bob's, read along on their way."""

CALLS = [
    ("http", "http", {"path": "/one"}),
    ("h2c", "http", {"path": "/one", "method": "POST", "body": "x" * 100_000}),
    ("grpc", "grpc", {"method": "Ask", "message": {"a": 1}}),
    ("grpc", "grpc", {"method": "Count", "message": {"count": 3}}),
    ("grpc", "grpc", {"method": "Talk", "messages": [{"a": 1}, {"b": 2}]}),
]


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


@contextlib.asynccontextmanager
async def leading(address, port, target):
    """What an agent does, and the tunnel."""
    calls: set[asyncio.Task[object]] = set()

    async def join(reader, writer):
        task = asyncio.current_task()
        assert task is not None
        calls.add(task)
        there = await asyncio.open_connection(target.host, target.port)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
        for each in (writer, there[1]):
            each.transport.abort()

    server = await asyncio.start_server(join, address, port)
    try:
        yield
    finally:
        server.close()
        for each in calls:
            each.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def tapped(router, notes, begun):
    traces = Traces()
    url = f"{router.admin_url}/tap"
    async with httpx2.AsyncClient(trust_env=False, timeout=None) as client:
        async with client.stream("POST", url, json=tap_request()) as watching:
            begun.set()
            async for data in watching.aiter_bytes():
                for exchange in traces.more(data, time.time()):
                    notes.original(exchange)


@contextlib.asynccontextmanager
async def compared(router, port, file=None):
    """Everything that comes to a port is copied, read and compared; who is told of it."""
    reporter = Remembering()
    notes = Notes("web", Keeping(diff=True, everything=True), reporter, file, tapped=True)
    reading = Reading(notes.answered, notes.unread, Programs())
    number = getattr(router.numbers, port)[0]
    target = Target("tcp", BOB, number)
    await router.set(router.share("m", AGENT, "path:/", kind="mirror", ports=(port,)))
    begun = asyncio.Event()
    async with reading.between([target]) as places, leading(AGENT, number, places[target]):
        tap = asyncio.get_running_loop().create_task(tapped(router, notes, begun))
        try:
            await begun.wait()
            yield reporter
        finally:
            tap.cancel()
            await asyncio.gather(tap, return_exceptions=True)
            notes.close()


async def ask(router, kind, port, **order):
    return await call({"kind": kind, "host": ROUTER, "port": router.port(port), **order})


async def until(true):
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - it is told by nobody
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("kind", "port", "order"), CALLS)
async def test_both_answers_are_compared_whatever_http_it_is(router, kind, port, order):
    async with compared(router, port) as reporter:
        found = await ask(router, kind, port, **order)
        assert found["error"] == ""
        assert found["seen"]["who"].startswith("pod")
        await until(lambda: reporter.comparisons)
        (told,) = reporter.comparisons
        assert told.answered
        assert told.origin == told.laptop == ("200, gRPC 0 OK" if kind == "grpc" else "200")
        where = {(each.what, each.where) for each in told.differences}
        answers = max(1, len(found.get("all") or ()))
        if kind == "grpc":
            assert {("body", f"message {n}") for n in range(1, answers + 1)} <= where
            assert not [each for each in told.differences if each.what == "trailer"]
        else:
            assert ("body", "$.who") in where
            body = next(each for each in told.differences if each.where == "$.who")
            assert (body.origin[:3], body.laptop) == ("pod", "bob")
    assert (reporter.sums[0].compared, reporter.sums[0].unpaired) == (1, 0)
    assert reporter.notes == []


async def test_a_call_that_fails_alike_is_alike(router):
    async with compared(router, "grpc") as reporter:
        failed = await ask(router, "grpc", "grpc", method="Ask", message={"fail": "NOT_FOUND"})
        assert "NOT_FOUND" in failed["error"]
        await until(lambda: reporter.comparisons)
        (told,) = reporter.comparisons
        assert (told.laptop, told.differences) == ("200, gRPC 5 NOT_FOUND", ())


async def test_calls_on_one_connection_are_told_apart_recorded_and_sent_again(router, tmp_path):
    path = tmp_path / "a.har"
    file = HarFile(str(path))
    async with compared(router, "grpc", file) as reporter:
        async with grpc.aio.insecure_channel(f"{ROUTER}:{router.port('grpc')}") as channel:
            ask_for = channel.unary_unary("/polyglot.Polyglot/Ask")
            said = {json.dumps({"number": number}).encode() for number in range(20)}
            await asyncio.gather(*(ask_for(message) for message in said))
        await until(lambda: len(reporter.comparisons) == 20)
    recorded = read_har(path.read_text())
    assert {
        message for each in recorded for message in messages((), each.request.body.data) or ()
    } == said
    assert {code_of(each.answer) for each in recorded if each.answer} == {"0 OK"}
    assert path.read_text().count('"httpVersion":"HTTP/2"') == 60
    again = Remembering()
    spec = ReplaySpec(str(path), parse_place(f"{BOB}:{router.numbers.grpc[0]}"), diff=True)
    with pytest.raises(Differ, match="20 got another answer"):
        await run(spec, again)
    assert {told.laptop for told in again.comparisons} == {"200, gRPC 0 OK"}
    assert {each.what for told in again.comparisons for each in told.differences} == {"body"}
