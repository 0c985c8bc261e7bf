import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.unit.dns.messages import answers, query, response
from tests.unit.dns.servers import serving, udp_socket

from ktconnect.dns.ask import AskFailed
from ktconnect.dns.message import answer, rcode, with_id
from ktconnect.dns.upstream import UpstreamAsk

ASKED = query("web.shop")
ROW = "web.shop. 5 IN A 10.0.0.1"
DEAD = ("127.0.0.1", 1)


def right(asked: bytes) -> bytes:
    return response(asked, ROW)


def refusing(asked: bytes) -> bytes:
    return response(asked, code="REFUSED")


def failing(asked: bytes) -> bytes:
    return response(asked, code="SERVFAIL")


async def test_the_answer_comes_back_under_the_askers_id():
    async with serving(right) as server:
        wire = await UpstreamAsk([server])(ASKED)
    assert wire == right(ASKED)


async def test_every_query_leaves_under_an_id_of_its_own():
    seen = set()

    def remember(asked: bytes) -> bytes:
        seen.add(asked[:2])
        return right(asked)

    async with serving(remember) as server:
        ask = UpstreamAsk([server])
        for _ in range(8):
            await ask(ASKED)
    assert len(seen) > 4


async def test_the_next_server_is_asked_when_one_is_dead_and_then_first():
    async with serving(right) as server:
        ask = UpstreamAsk([DEAD, server], seconds=1)
        for _ in range(2):
            assert answers(await ask(ASKED)) == [ROW]
        assert ask._servers == [server, DEAD]


async def test_the_next_server_is_asked_when_one_is_silent_or_forged():
    def forged(asked: bytes) -> bytes:
        return with_id(right(asked), int.from_bytes(asked[:2], "big") ^ 1)

    async with serving(lambda _: None) as silent, serving(forged) as liar, serving(right) as server:
        ask = UpstreamAsk([silent, liar, server], seconds=0.05)
        assert answers(await ask(ASKED)) == [ROW]


async def test_the_last_server_may_take_longer():
    async with serving(lambda _: None) as silent, slow(0.2) as server:
        ask = UpstreamAsk([silent, server], seconds=0.05)
        assert answers(await ask(ASKED)) == [ROW]


@contextlib.asynccontextmanager
async def slow(seconds: float) -> AsyncIterator[tuple[str, int]]:
    """A server that answers after a while."""
    with udp_socket() as sock:
        loop = asyncio.get_running_loop()

        def read() -> None:
            asked, peer = sock.recvfrom(65535)
            loop.call_later(seconds, sock.sendto, right(asked), peer)

        loop.add_reader(sock, read)
        yield sock.getsockname()
        loop.remove_reader(sock)


async def test_a_query_that_got_lost_is_sent_again():
    seen: list[bytes] = []

    def lossy(asked: bytes) -> bytes | None:
        seen.append(asked)
        return right(asked) if len(seen) == 2 else None

    async with serving(lossy) as server:
        assert answers(await UpstreamAsk([server])(ASKED)) == [ROW]
    assert len(set(seen)) == 1


async def test_the_next_server_is_asked_when_one_refuses():
    async with serving(refusing) as first, serving(right) as second:
        assert answers(await UpstreamAsk([first, second])(ASKED)) == [ROW]


async def test_the_first_refusal_is_the_answer_if_nobody_knows_better():
    async with serving(refusing) as first, serving(failing) as second:
        assert rcode(await UpstreamAsk([first, second])(ASKED)) == 5


async def test_a_truncated_answer_is_fetched_by_tcp():
    async with serving(lambda q: response(q, truncated=True), right) as server:
        assert answers(await UpstreamAsk([server])(ASKED)) == [ROW]


async def test_who_comes_by_tcp_or_wants_tcp_is_answered_by_tcp():
    async with serving(lambda q: answer(q, None, 2), right) as server:
        assert answers(await UpstreamAsk([server])(ASKED, tcp=True)) == [ROW]
        assert answers(await UpstreamAsk([server], protocol="tcp")(ASKED)) == [ROW]


async def test_all_dead_is_a_failure_that_names_each():
    with pytest.raises(AskFailed, match=r"127\.0\.0\.1: .*; ::1: "):
        await UpstreamAsk([DEAD, ("::1", 1)], seconds=0.2)(ASKED)


async def test_we_never_ask_ourselves():
    async with serving(right) as server:
        with pytest.raises(AskFailed, match="besides ourselves"):
            await UpstreamAsk([server], own=[server])(ASKED)
