"""Small HTTP servers on real sockets, for the tests of what reads along and sends again."""

import asyncio
from contextlib import asynccontextmanager, suppress

from ktconnect.wire.target import Target

OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


def ok(body=b"hi", head=b""):
    """A whole answer."""
    return (OK % (len(body), body)).replace(b"OK\r\n", b"OK\r\n" + head, 1)


@asynccontextmanager
async def serving(handle, *, path=None):
    """A server that runs ``handle(reader, writer)`` for each connection; yields its target.

    At the end all connections are closed, and nothing of them is left.
    """
    running: set[asyncio.Task[None]] = set()

    async def serve(reader, writer):
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await handle(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.transport.abort()
            running.discard(task)

    if path is not None:
        server = await asyncio.start_unix_server(serve, path)
        target = Target("unix", str(path))
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        target = Target("tcp", "127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield target
    finally:
        server.close()
        for task in [*running]:
            task.cancel()
        await asyncio.gather(*running)
        await server.wait_closed()


@asynccontextmanager
async def answering(answer, *, path=None):
    """A server that answers every request without a body with ``answer(head)``; None hangs up.

    Yields its target and the list of the heads that it got.
    """
    heads: list[bytes] = []

    async def handle(reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            said = answer(head)
            if said is None:
                break
            writer.write(said)
            await writer.drain()

    async with serving(handle, path=path) as target:
        yield target, heads
