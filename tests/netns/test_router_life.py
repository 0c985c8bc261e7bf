"""What a router leaves as it was, and what happens while sessions come and go; a real Envoy."""

import asyncio
import contextlib
import json
import time
from dataclasses import replace

import httpx2
import pytest
from tests.netns.routing import ANN, BOB, ROUTER

from ktconnect.modes.routing.draining import ACTIVE, DRAIN, Load, load_of
from ktconnect.rules.envoy_tap import tap_request
from ktconnect.rules.envoy_tap_match import tap_match
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Condition, Match
from ktconnect.traffic.traces import Traces

pytestmark = [pytest.mark.netns, pytest.mark.timeout(90)]

RAW = "127.0.1.3"
END = b"\r\n\r\n"


class Raw:
    """A server that keeps every byte of each request's head, and says what it is told to."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
        self.answer = answer
        self.heads = []
        self.came = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.handlers = set()

    async def serve(self, reader, writer):
        self.handlers.add(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError):  # at the end of the test
            await self.answer_all(reader, writer)
        writer.close()

    async def answer_all(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                self.heads.append((await reader.readuntil(END)).decode())
                self.came.set()
                await self.may_answer.wait()
                writer.write(self.answer)
                await writer.drain()

    @contextlib.asynccontextmanager
    async def running(self, router, address=RAW, port="http"):
        number = getattr(router.numbers, port)[0]
        server = await asyncio.start_server(self.serve, address, number)
        try:
            yield self
        finally:
            self.may_answer.set()
            server.close()
            for task in self.handlers:
                task.cancel()
            await asyncio.gather(*self.handlers, return_exceptions=True)
            await asyncio.sleep(0)


class Caller:
    """One connection to the router."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self._first = b""

    async def ask(self, head, body=b""):
        """Send a head (without its end) and give the head of the answer, and its body."""
        self.send(head, body)
        return await self.answer()

    def send(self, head, body=b""):
        self.writer.write(head.replace("\n", "\r\n").encode() + END + body)

    async def hears(self, seconds):
        """Whether anything comes, or the connection ends, within that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                self._first = await self.reader.read(1)
                return True
        return False

    async def answer(self):
        answer = (self._first + await self.reader.readuntil(END)).decode()
        self._first = b""
        length = int(answer.lower().partition("content-length: ")[2].partition("\r\n")[0] or 0)
        return answer, await self.reader.readexactly(length)

    async def who(self, headers=""):
        return json.loads((await self.ask(f"GET / HTTP/1.1\nHost: web{headers}"))[1])["who"]


@contextlib.asynccontextmanager
async def caller(router, port="http"):
    reader, writer = await asyncio.open_connection(ROUTER, router.port(port))
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_request_arrives_as_it_was_written(router):
    await router.set(router.share("ann", RAW))
    asked = "GET /a//b/../c%2Fd?x=%20&y HTTP/1.1\nHoSt: Web.Example:8080\nVERSION: ann\nX-MiXeD: Va"
    async with Raw().running(router) as server, caller(router) as here:
        answer, body = await here.ask(asked)
    lines = server.heads[0].split("\r\n")
    assert lines[0] == "GET /a//b/../c%2Fd?x=%20&y HTTP/1.1"
    assert {"HoSt: Web.Example:8080", "VERSION: ann", "X-MiXeD: Va"} <= set(lines)
    assert body == b"ok"
    assert "Content-Length: 2" in answer, "names of an answer's headers, too"


async def test_what_a_request_gains_is_known(router):
    await router.set(router.share("ann", RAW))
    async with Raw().running(router) as server, caller(router) as here:
        answer, _ = await here.ask("GET / HTTP/1.1\nHost: web\nVersion: ann")
    names = {line.partition(":")[0].lower() for line in server.heads[0].strip().split("\r\n")[1:]}
    gained = names - {"host", "version"}
    assert gained == {"x-forwarded-for", "x-forwarded-proto", "x-request-id"}
    told = {line.partition(":")[0].lower() for line in answer.strip().split("\r\n")[1:]}
    assert told - {"content-length"} == {"x-kt-served-by", "cache-control", "date"}


async def test_an_ingress_before_us_is_believed(router):
    await router.set(router.share("ann", RAW))
    before = "X-Forwarded-For: 203.0.113.7\nX-Forwarded-Proto: https\nX-Request-Id: mine"
    before += "\nX-Forwarded-Client-Cert: By=spiffe"
    async with Raw().running(router) as server, caller(router) as here:
        await here.ask(f"GET / HTTP/1.1\nHost: web\nVersion: ann\n{before}")
    head = server.heads[0].lower()
    assert "x-forwarded-for: 203.0.113.7," in head, "and who called us"
    assert "x-forwarded-proto: https\r\n" in head
    assert "x-request-id: mine\r\n" in head
    assert "x-forwarded-client-cert: by=spiffe\r\n" in head


async def test_an_answer_of_a_laptop_that_says_it_may_be_kept_may_not(router):
    await router.set(router.share("ann", RAW))
    kept = (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nServer: mine\r\nContent-Length: 0\r\n\r\n"
    )
    async with Raw(kept).running(router), caller(router) as here:
        answer, _ = await here.ask("GET / HTTP/1.1\nHost: web\nVersion: ann")
    assert "cache-control: no-store\r\n" in answer.lower()
    assert "max-age" not in answer
    assert "Server: mine" in answer


async def test_an_old_client_is_served(router):
    await router.set(router.share("ann", RAW))
    async with Raw().running(router), caller(router) as here:
        answer, body = await here.ask("GET / HTTP/1.0\nVersion: ann")
    assert answer.startswith("HTTP/1.")
    assert body == b"ok"


async def test_a_body_waits_for_the_servers_continue(router):
    await router.set(router.share("ann", RAW))
    server = Raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    server.may_answer.clear()
    head = "POST / HTTP/1.1\nHost: web\nVersion: ann\nExpect: 100-continue\nContent-Length: 4"
    async with server.running(router), caller(router) as here:
        here.send(head)
        await server.came.wait()
        assert not await here.hears(0.2), "it is the server who says so, not the router"
        server.may_answer.set()
        assert "100 Continue" in (await here.answer())[0]


async def test_an_answer_may_take_longer_than_any_usual_timeout(router):
    """Envoy's own is 15 s for an answer."""
    await router.set(router.share("ann", RAW))
    server = Raw()
    server.may_answer.clear()
    async with server.running(router), caller(router) as here:
        here.send("GET / HTTP/1.1\nHost: web\nVersion: ann")
        assert not await here.hears(16)
        server.may_answer.set()
        assert (await here.answer())[1] == b"ok"


async def test_sessions_come_and_go_without_a_connection_or_an_answer_cut(router):
    await router.set()
    await router.set(router.share("ann", ANN))
    listeners = router.stat("listener_manager.lds.update_success")
    quiet = Raw()
    quiet.may_answer.clear()
    async with quiet.running(router), caller(router) as slow, caller(router) as kept:
        assert await kept.who("\nVersion: ann") == "ann"
        await router.set(router.share("ann", ANN), router.share("raw", RAW))
        slow.send("GET / HTTP/1.1\nHost: web\nVersion: raw")
        await quiet.came.wait()
        await router.set(router.share("ann", ANN), router.share("raw", RAW, leaving=True))
        assert await kept.who("\nVersion: raw") != "raw", "no new request comes"
        await router.set(router.share("ann", ANN), router.share("bob", BOB))
        assert await kept.who("\nVersion: bob") == "bob", "on a connection that was there before"
        await router.set(router.share("bob", BOB))
        assert (await kept.who("\nVersion: ann")).startswith(("pod", "cluster"))
        quiet.may_answer.set()
        assert (await slow.answer())[1] == b"ok", (
            "what was on its way arrives, though its cluster is gone"
        )
    assert router.stat("listener_manager.lds.update_success") >= listeners


async def test_calls_are_told_from_connections_on_which_nothing_is_asked(router):
    """By the names that this Envoy has for them."""
    await router.set(router.share("raw", RAW))
    quiet = Raw()
    quiet.may_answer.clear()

    async def loaded(*wanted):
        await router._until(lambda: load_of(router.admin(ACTIVE)) == Load(*wanted))
        return True

    assert await loaded(0, 0)
    async with quiet.running(router), caller(router) as idle, caller(router, "tcp") as passed:
        assert await idle.who()
        assert await passed.hears(20)
        assert await loaded(2, 1), "what is passed on is a call as long as it is open"
        async with caller(router) as slow:
            slow.send("GET / HTTP/1.1\nHost: web\nVersion: raw")
            await quiet.came.wait()
            assert await loaded(3, 2)
            router.admin(DRAIN, "POST")
            quiet.may_answer.set()
            answer, _ = await slow.answer()
            assert "connection: close" in answer.lower(), "it is asked to come back"
            assert await loaded(2, 1)
    assert await loaded(0, 0)


async def test_nobody_fails_while_others_come_and_go(router):
    await router.set(router.share("ann", ANN))
    outcomes: dict[str, set[str]] = {"plain": set(), "ann": set(), "bob": set()}
    stop = asyncio.Event()

    async def keep_asking(name, headers):
        async with caller(router) as here:
            while not stop.is_set():
                outcomes[name].add(await here.who(headers))

    async with asyncio.TaskGroup() as tasks:
        for name in ("plain", "ann", "bob"):
            headers = "" if name == "plain" else f"\nVersion: {name}"
            tasks.create_task(keep_asking(name, headers))
        for _ in range(10):
            await router.set(router.share("ann", ANN), router.share("bob", BOB, leaving=True))
            await router.set(router.share("ann", ANN), router.share("bob", BOB))
            await router.set(router.share("ann", ANN), router.share("bob", BOB, leaving=True))
            await router.set(router.share("ann", ANN))
        stop.set()
    assert outcomes["ann"] == {"ann"}
    assert outcomes["plain"] <= {"pod-0", "pod-1", "cluster-ip"}
    assert "bob" in outcomes["bob"]
    assert outcomes["bob"] <= {"bob", "pod-0", "pod-1", "cluster-ip"}


async def test_a_port_may_become_meant_and_be_so_no_more(router):
    await router.set(router.share("ann", ANN))
    async with caller(router, "other") as before:
        assert await before.who() == "cluster-ip"
        both = ("http", "other")
        await router.set(router.share("ann", ANN, ports=both))
        assert await before.who("\nVersion: ann") == "cluster-ip", "it was passed on, and stays so"
        async with caller(router, "other") as after:
            assert await after.who("\nVersion: ann") == "ann"
        await router.set(router.share("ann", ANN))
        async with caller(router, "other") as again:
            assert await again.who("\nVersion: ann") == "cluster-ip"


async def test_what_no_proxy_can_read_harms_nobody(router):
    """As another version, or somebody by hand, may write it."""
    bad = Match((Condition("header", "x", "regex", "(?=a)"),))
    await router.set(router.share("ann", ANN), router.share("bob", BOB))
    first, second = router.plan.shares
    await router.set(first, replace(second, matches=(bad,)))
    async with caller(router) as here:
        assert await here.who("\nVersion: ann") == "ann"
        assert await here.who("\nVersion: bob") != "bob"


# -- copies


async def test_a_mirror_gets_copies_and_nobody_else_sees_it(router):
    await router.set(router.share("m", RAW, "path:/api", kind="mirror"), router.share("ann", ANN))
    async with Raw(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").running(router) as copies:
        async with caller(router) as here:
            answer, body = await here.ask(
                "POST /api/x HTTP/1.1\nHost: web\nContent-Length: 2", b"ab"
            )
            assert answer.startswith("HTTP/1.1 200")
            assert json.loads(body)["who"].startswith(("pod", "cluster"))
            assert "x-kt-served-by: origin" in answer.lower()
            await copies.came.wait()
            assert await here.who() in ("pod-0", "pod-1", "cluster-ip")
            assert await here.who("\nVersion: ann") == "ann"
    assert [head.split("\r\n")[0] for head in copies.heads] == ["POST /api/x HTTP/1.1"]
    assert "host: web\r\n" in copies.heads[0].lower()


async def test_a_part_of_the_requests_is_copied(router):
    await router.set(router.share("m", RAW, "path:/", kind="mirror", percent=25.0))
    async with Raw().running(router) as copies, caller(router) as here:
        for _ in range(200):
            await here.who()
    assert 20 <= len(copies.heads) <= 90


async def test_a_mirror_that_stalls_keeps_nobody_waiting(router):
    """Neither the many small requests, nor the one that is larger than any buffer; and it is
    not kept for him."""
    await router.set(router.share("ann", ANN))

    async def lasted():
        began = time.monotonic()
        async with caller(router) as here:
            for _ in range(150):
                await here.who()
            size = 32 << 20
            head = f"POST / HTTP/1.1\nHost: web\nContent-Length: {size}"
            told = json.loads((await here.ask(head, bytes(size)))[1])
            assert told["length"] == size
        return time.monotonic() - began

    without = await lasted()
    await router.set(router.share("m", RAW, "path:/", kind="mirror"))
    stalled = Raw()
    stalled.may_answer.clear()
    before = router.resident
    async with stalled.running(router):
        assert await lasted() < 5 * without + 2
        assert stalled.heads
        assert router.resident - before < 24 << 20


async def test_a_mirror_whose_agent_is_gone_is_nobodys_business(router):
    await router.set(router.share("m", "127.0.1.9", "path:/", kind="mirror"))
    async with caller(router) as here:
        assert {await here.who() for _ in range(20)} <= {"pod-0", "pod-1", "cluster-ip"}


# -- looking on


async def test_answers_can_be_watched_as_they_pass(router):
    """One at a time; a body of another kind than text is told as bytes."""
    await router.set(router.share("ann", ANN))
    tap = f"{router.admin_url}/tap"
    async with httpx2.AsyncClient(trust_env=False) as client, caller(router) as here:
        async with client.stream("POST", tap, json=tap_request()) as watching:
            assert watching.status_code == 200
            again = await client.post(tap, json=tap_request())
            assert again.status_code == 400
            assert "already exists" in again.text
            await here.ask("POST /seen HTTP/1.1\nHost: web\nContent-Length: 2", b"ab")
            traces, found = Traces(), []
            async for data in watching.aiter_bytes():
                if found := list(traces.more(data, 0.0)):
                    break
    [exchange] = found
    assert (exchange.request.method, exchange.request.target) == ("POST", "/seen")
    assert exchange.request.body.data == b"ab"
    assert exchange.answer is not None
    assert exchange.answer.status == 200
    assert exchange.answer.body is not None
    assert json.loads(exchange.answer.body.data)["path"] == "/seen"


async def test_only_requests_that_a_share_wants_are_shown(router):
    await router.set(router.share("ann", ANN))
    wanted = tap_match([parse_match("header:x-user=ann,path:/api"), parse_match("method=PUT")])
    tap = f"{router.admin_url}/tap"
    async with httpx2.AsyncClient(trust_env=False) as client, caller(router) as here:
        async with client.stream("POST", tap, json=tap_request(wanted)) as watching:
            await here.ask("GET /api/x HTTP/1.1\nHost: web")
            await here.ask("GET /other HTTP/1.1\nHost: web\nX-User: ann")
            await here.ask("GET /api/y HTTP/1.1\nHost: web\nX-User: ann")
            await here.ask("PUT /z HTTP/1.1\nHost: web\nContent-Length: 0")
            traces = Traces()
            found: list[str] = []
            async for data in watching.aiter_bytes():
                found += [each.request.target for each in traces.more(data, 0.0)]
                if "/z" in found:
                    break
    assert found == ["/api/y", "/z"]


async def test_a_thousand_sessions_are_served(router):
    """Their files fit into one ConfigMap (1 MiB), and Envoy has them at once."""
    many = [router.share(f"u{n}", BOB if n % 2 else ANN) for n in range(1000)]
    await router.set(router.share("ann", ANN))
    began = time.monotonic()
    await router.set(*many)
    assert time.monotonic() - began < 15
    assert sum(file.stat().st_size for file in router.current) < 1 << 20
    async with caller(router) as here:
        assert await here.who("\nVersion: u998") == "ann"
        assert await here.who("\nVersion: u999") == "bob"
