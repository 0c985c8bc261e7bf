import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.unit.modes.answering import answering, ok, serving

from ktconnect.modes.mirror.reading import Reading
from ktconnect.modes.report import Status
from ktconnect.modes.serving.programs import Programs
from ktconnect.wire.target import Target

if TYPE_CHECKING:
    from ktconnect.traffic.exchange import Exchange

GET = b"GET /a HTTP/1.1\r\nHost: web\r\n\r\n"


class Heard:
    def __init__(self):
        self.exchanges: asyncio.Queue[Exchange] = asyncio.Queue()
        self.unread: list[str] = []
        self.programs = Programs(lambda target: False)
        self.reading = Reading(self.exchanges.put_nowait, self.unread.append, self.programs)

    @property
    def silent(self):
        """Which targets take no calls."""
        return self.programs.shown(Status("up")).silent

    async def next(self):
        async with asyncio.timeout(10):
            return await self.exchanges.get()


@pytest.fixture
async def heard():
    return Heard()


async def connect(places, target):
    return await asyncio.open_connection(places[target].host, places[target].port)


async def test_what_passes_is_read_and_is_byte_for_byte_the_same(heard):
    async with answering(lambda head: ok(b"abc", b"X-Mixed: Yes\r\n")) as (target, heads):
        heard.programs.refused(target, "connection refused")
        async with heard.reading.between([target, target]) as places:
            reader, writer = await connect(places, target)
            for _ in range(2):  # one connection carries several
                writer.write(GET)
                assert await reader.readexactly(len(ok(b"abc", b"X-Mixed: Yes\r\n")))
                seen = await heard.next()
                assert seen.request.target == "/a"
                assert seen.answer is not None
                assert seen.answer.body.data == b"abc"
                assert ("X-Mixed", "Yes") in seen.answer.headers
            assert heard.silent == ()
            writer.close()
    assert heads == [GET, GET]
    assert heard.exchanges.empty()


async def test_a_unix_socket_is_read_as_well(heard, tmp_path):
    async with answering(lambda head: ok(), path=tmp_path / "s") as (target, _):
        async with heard.reading.between([target]) as places:
            _, writer = await connect(places, target)
            writer.write(GET)
            seen = await heard.next()
            assert seen.answer is not None
            assert seen.answer.status == 200
            writer.close()


async def test_other_bytes_than_http_pass_both_ways_with_their_half_closes(heard):
    async def echo(reader, writer):
        writer.write(b"first;" + await reader.read())
        writer.write_eof()

    async with serving(echo) as target:
        async with heard.reading.between([target]) as places:
            reader, writer = await connect(places, target)
            data = b"\x16\x03\x01\r\n\r\n" + b"x" * 1_000_000
            writer.write(data)
            writer.write_eof()
            assert await reader.read() == b"first;" + data
            writer.close()
    assert len(heard.unread) == 1
    assert heard.exchanges.empty()


async def test_a_program_that_is_not_there_is_told_with_the_request(heard):
    with socket.create_server(("127.0.0.1", 0)) as free:
        target = Target("tcp", "127.0.0.1", free.getsockname()[1])
    async with heard.reading.between([target]) as places:
        _, writer = await connect(places, target)
        writer.write(GET)
        seen = await heard.next()
        assert seen.answer is None
        assert seen.request.target == "/a"
        assert seen.failure == "connection refused"
        assert heard.silent == (f"127.0.0.1:{target.port}",)
        _, other = await connect(places, target)
        other.write(b"\x16\x03\x01\r\n\r\n")  # nothing that can be told
        other.close()
        writer.close()


@pytest.mark.parametrize("reset", [True, False])
async def test_a_program_that_hangs_up_is_told_with_the_request(heard, reset):
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        if reset:
            linger = bytes([1, 0, 0, 0, 0, 0, 0, 0])
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with serving(hang_up) as target:
        async with heard.reading.between([target]) as places:
            _, writer = await connect(places, target)
            writer.write(GET)
            writer.write_eof()
            seen = await heard.next()
            assert seen.answer is None
            assert ("reset" if reset else "ended") in seen.failure
            writer.close()


async def test_calls_that_go_on_are_ended_with_the_block(heard):
    async def for_ever(reader, writer):
        await asyncio.Event().wait()

    async with serving(for_ever) as target:
        async with asyncio.timeout(10), heard.reading.between([target]) as places:
            reader, writer = await connect(places, target)
            writer.write(GET)
            await writer.drain()
        with suppress(ConnectionError):  # reset, or an end in order: both are an end
            assert await reader.read() == b""
        writer.close()
