"""Stands for a moment between the callers of one port and the program here.

One request is awaited that has a word of our own in its head: it is answered here, so that the
program never sees it. All else is passed on, byte by byte, for as long as it lasts.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from ktconnect.tunnel.answer import Answers, Port
from ktconnect.wire.target import Target

log = logging.getLogger(__name__)

HEAD_WITHIN: Final = 2.0
"""Seconds for the head of a request; who takes longer is not the one that is awaited."""

MOST: Final = 64 * 1024
CHUNK: Final = 64 * 1024
ANSWER: Final = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


class Between:
    """Between ``open`` and ``close`` on the way; what came in meanwhile stays until ``end``."""

    def __init__(self, answers: Answers, port: Port, target: Target, word: bytes) -> None:
        """``target``: where calls to ``port`` go by right."""
        self.seen = asyncio.Event()
        """The awaited request has come."""
        self._answers = answers
        self._port = port
        self._target = target
        self._word = word
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Stand in the way. Raises: OSError if no port of the loopback is free."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        _, number = self._server.sockets[0].getsockname()
        self._answers.lead(self._port, Target("tcp", "127.0.0.1", number))

    def close(self) -> None:
        """Further calls go where they went before. Idempotent."""
        self._answers.lead(self._port, self._target)
        if self._server is not None:
            self._server.close()

    async def end(self) -> None:
        """Cut what is still passed on. Idempotent."""
        self.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._take(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await _head(reader)
            if self._word in head:
                writer.write(ANSWER)
                await writer.drain()
                self.seen.set()
            else:
                await self._pass_on(head, reader, writer)
        except OSError as error:
            log.debug("between callers and %s: %s", self._target, error)
            writer.transport.abort()
        finally:
            writer.close()

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._target.kind == "unix":
            there, to_there = await asyncio.open_unix_connection(self._target.host)
        else:
            there, to_there = await asyncio.open_connection(self._target.host, self._target.port)
        try:
            to_there.write(head)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_copy(reader, to_there))
                tasks.create_task(_copy(there, writer))
        except* OSError:  # reset by one of the two: the other hears it
            to_there.transport.abort()
            writer.transport.abort()
        finally:
            to_there.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """What came until the end of a request's head, or until it is clear that none comes."""
    found = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(HEAD_WITHIN):
            while b"\r\n\r\n" not in found and len(found) < MOST:
                data = await reader.read(CHUNK)
                if not data:
                    break
                found += data
    return found


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
