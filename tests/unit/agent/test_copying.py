"""A copy of what callers say: the laptop hears it, the caller never waits for it."""

import asyncio
import contextlib
import socket
import time

import pytest
from tests.unit.agent.calling import call, laptop, saying, taking_callers
from tests.unit.tunnel.ends import free_port, serving, until
from tests.unit.tunnel.test_dial import deaf_server

from ktconnect.agent import copying
from ktconnect.tunnel.tuning import reset_on_close
from ktconnect.wire.target import Target


class Program:
    """A laptop's: keeps what it hears, talks back all the time, and may stop reading."""

    def __init__(self, *, chatty=True, reads=True, ends=True):
        self.calls: list[bytes] = []
        self.broken = 0
        self._chatty, self._reads, self._ends = chatty, reads, ends
        self.leave = asyncio.Event()

    async def serve(self, reader, writer):
        self.calls.append(b"")
        try:
            if self._reads:
                await self._hear(reader, writer)
        except OSError:
            self.broken += 1
        if not (self._reads and self._ends):
            await self.leave.wait()

    async def _hear(self, reader, writer):
        number = len(self.calls) - 1
        while data := await reader.read(65536):
            self.calls[number] += data
            if self._chatty:
                writer.write(b"x" * 65536)

    @contextlib.asynccontextmanager
    async def running(self):
        async with serving(self.serve) as target:
            try:
                yield target
            finally:
                self.leave.set()


async def test_the_origin_answers_and_the_laptop_hears_the_same():
    program = Program()
    async with saying(b"origin") as origin, program.running() as local:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, local):
                question = bytes(range(256)) * 1000
                assert await call(place.port, question) == b"origin:" + question
                await until(lambda: program.calls == [question])
                inbound = place.agent.inbound
                await until(lambda: not inbound.copying)
                assert (inbound.copies, inbound.copies_cut) == (1, 0)
                assert (inbound.to_laptop, inbound.to_origin) == (0, 0)


async def test_without_a_laptop_there_is_no_copy_and_no_delay():
    async with saying(b"origin") as origin:
        with taking_callers(origin, copied=True) as place:
            assert await call(place.port) == b"origin:?"
            inbound = place.agent.inbound
            assert (inbound.copies, inbound.copies_cut) == (0, 1)
            assert "no laptop" in place.lines[-1]


async def test_a_laptop_that_refuses_is_not_noticed_by_the_caller():
    async with saying(b"origin") as origin:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, Target("tcp", "127.0.0.1", free_port())):
                assert await call(place.port) == b"origin:?"
                await until(lambda: not place.agent.inbound.copying)


async def count(reader, writer):
    """An origin that answers how much it was told."""
    total = 0
    while data := await reader.read(1 << 20):
        total += len(data)
    writer.write(str(total).encode())


async def answered(port, size):
    """How long the origin's answer to a large question took."""
    began = time.monotonic()
    assert await call(port, bytes(size)) == str(size).encode()
    return time.monotonic() - began


@pytest.mark.parametrize("stall", ["program", "connection"])
async def test_a_stalled_laptop_does_not_slow_the_caller_and_its_copy_is_cut(stall):
    size = 24 << 20
    program = Program(reads=False)
    async with serving(count) as origin, program.running() as local:
        with taking_callers(origin, copied=True) as place, deaf_server() as deaf:
            alone = min([await answered(place.port, size) for _ in range(2)])
            async with laptop(place, local if stall == "program" else deaf):
                watched = min([await answered(place.port, size) for _ in range(2)])
                inbound = place.agent.inbound
                assert inbound.copies_cut - 2 == inbound.copies == 2
                assert not inbound.copying
                program.leave.set()
    assert watched < 4 * alone + 0.5


async def test_what_waits_for_a_slow_laptop_arrives_in_the_end():
    program = Program(reads=False)

    async def late(reader, writer):
        await program.leave.wait()
        program.calls.append(await reader.read())

    question = bytes(range(256)) * 4000  # more than a socket takes, less than may wait
    async with saying(b"origin") as origin, serving(late) as local:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, local):
                assert await call(place.port, question) == b"origin:" + question
                program.leave.set()
                await until(lambda: program.calls == [question])
                assert place.agent.inbound.copies_cut == 0


async def test_a_caller_who_is_reset_resets_the_copy():
    program = Program(chatty=False)

    async def deaf(reader, writer):
        await reader.read(1)
        await program.leave.wait()

    async with serving(deaf) as origin, program.running() as local:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, local):
                with socket.create_connection(("127.0.0.1", place.port)) as caller:
                    caller.send(b"?")
                    await until(lambda: program.calls == [b"?"])
                    reset_on_close(caller)
                await until(lambda: program.broken)
                assert not place.agent.inbound.copying


async def test_a_program_that_ends_early_gets_no_more_and_is_told_of():
    async def rude(reader, writer):
        await reader.read(1)

    async with saying(b"origin") as origin, serving(rude) as local:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, local):
                reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
                writer.write(b"?")
                inbound = place.agent.inbound
                await until(lambda: inbound.copies == 1)

                async def talked_to_deaf_ears():
                    while inbound.copying:
                        writer.write(b"more")
                        await writer.drain()
                        await asyncio.sleep(0.01)

                async with asyncio.timeout(5):
                    await talked_to_deaf_ears()
                assert inbound.copies_cut == 1
                writer.write_eof()
                assert (await reader.read()).startswith(b"origin:?more")
                writer.close()
                await writer.wait_closed()


async def test_a_program_that_never_ends_a_call_is_given_up(monkeypatch):
    monkeypatch.setattr(copying, "LINGER", 0.05)
    program = Program(ends=False)
    async with saying(b"origin") as origin, program.running() as local:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, local):
                assert await call(place.port) == b"origin:?"
                await until(lambda: place.agent.inbound.copies and not place.agent.inbound.copying)
                assert place.agent.inbound.copies_cut == 0


async def test_an_agent_that_ends_leaves_no_copy():
    program = Program(ends=False)
    async with saying(b"origin") as origin, program.running() as local:
        with taking_callers(origin, copied=True) as place:
            async with laptop(place, local):
                assert await call(place.port) == b"origin:?"
                inbound = place.agent.inbound
                await until(lambda: inbound.copies == 1)
                place.agent.close()
                assert not inbound.copying


def test_a_call_waits_with_a_megabyte_at_most():
    assert copying.BUFFER == 1 << 20
