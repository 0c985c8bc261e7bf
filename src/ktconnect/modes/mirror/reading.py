"""Reading along between the agent's calls and the program here: nothing of them is changed.

A call comes in at a port of our own and goes on to where it was meant for. What passes is HTTP
as a rule; whatever it is, it passes, read or not.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress

from ktconnect.modes.serving.programs import Programs
from ktconnect.traffic.exchange import Exchange
from ktconnect.traffic.watching import Watcher
from ktconnect.wire.target import Target

log = logging.getLogger(__name__)

CHUNK = 128 * 1024
REACH = 4.0
"""Seconds that the program here may take to accept."""

OnExchange = Callable[[Exchange], object]
OnUnread = Callable[[str], object]

Feed = Callable[[bytes, float], list[Exchange]]


class Reading:
    """``on_exchange`` hears of every request and its answer, or of why it has none;
    ``on_unread`` once of each connection that can't be read (any further), with the reason.
    ``programs`` are told whether those behind us take calls: we take all of them.
    """

    def __init__(self, on_exchange: OnExchange, on_unread: OnUnread, programs: Programs) -> None:
        self._on_exchange = on_exchange
        self._on_unread = on_unread
        self._programs = programs
        self._calls: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def between(self, targets: Iterable[Target]) -> AsyncIterator[Mapping[Target, Target]]:
        """Where to go instead of each target, on this machine's loopback, while the block runs.

        Closes: all connections, at its end.
        """
        servers: dict[Target, asyncio.Server] = {}
        try:
            for target in {*targets}:
                servers[target] = await self._listen(target)
            yield {target: _at(server) for target, server in servers.items()}
        finally:
            for server in servers.values():
                server.close()
            for call in [*self._calls]:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    async def _listen(self, target: Target) -> asyncio.Server:
        async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None, "asyncio runs a call in a task of its own"
            self._calls.add(task)
            try:
                await self._pass(target, reader, writer)
            except asyncio.CancelledError:  # at our end, when nobody waits for it
                pass
            finally:
                writer.transport.abort()
                self._calls.discard(task)

        return await asyncio.start_server(call, "127.0.0.1", 0)

    async def _pass(
        self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        watcher = Watcher()
        try:
            async with asyncio.timeout(REACH):
                to_read, to_write = await _open(target)
        except (OSError, TimeoutError) as error:
            self._programs.refused(target, _why(error))
            await self._unanswered(watcher, reader, _why(error))
            return
        self._programs.reached(target)
        try:
            await asyncio.gather(
                self._copy(reader, to_write, watcher, watcher.requested),
                self._copy(to_read, writer, watcher, watcher.answered),
            )
            self._over(watcher, "the connection ended before the answer")
        except OSError as error:
            self._over(watcher, _why(error))
        finally:
            to_write.transport.abort()

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        watcher: Watcher,
        feed: Feed,
    ) -> None:
        """One direction. Raises: OSError."""
        data = b"-"
        while data:
            data = await reader.read(CHUNK)
            self._heard(watcher, feed, data)
            if data:
                writer.write(data)
                await writer.drain()
        if writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()

    async def _unanswered(self, watcher: Watcher, reader: asyncio.StreamReader, why: str) -> None:
        """Nobody is there: what would have been asked is worth knowing all the same."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(REACH):
                while not watcher.pending and (data := await reader.read(CHUNK)):
                    watcher.requested(data, time.time())
                    if watcher.lost:
                        break
        self._over(watcher, why)

    def _heard(self, watcher: Watcher, feed: Feed, data: bytes) -> None:
        was = watcher.lost
        for exchange in feed(data, time.time()):
            self._on_exchange(exchange)
        if watcher.lost != was:
            self._on_unread(watcher.lost)

    def _over(self, watcher: Watcher, why: str) -> None:
        for lost in watcher.abandoned(why, time.time()):
            self._on_exchange(lost)


def _at(server: asyncio.Server) -> Target:
    host, port = server.sockets[0].getsockname()[:2]
    return Target("tcp", host, port)


async def _open(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.kind == "unix":
        return await asyncio.open_unix_connection(target.host)
    return await asyncio.open_connection(target.host, target.port)


def _why(error: OSError | TimeoutError) -> str:
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"not reached within {REACH:g} s"
    return (os.strerror(error.errno) if error.errno else str(error)).lower()
