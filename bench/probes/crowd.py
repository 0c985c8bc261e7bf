"""Opens many connections, sends a byte through each, and holds them.

`crowd.py HOST PORT COUNT [WITHIN]` prints one JSON line once all are open: how many answered, and
the seconds it took; and another one, after a line on standard input: how many still answer.
"""

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import Iterator

AT_ONCE = 32
PATIENCE = 10.0  # seconds for one connection
OPEN_WITHIN = 40.0  # seconds for all of them, unless said otherwise
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_some(
    host: str, port: int, numbers: Iterator[int], held: list[Connection], end: float
) -> None:
    """Open one connection after the other until ``end``; those that answer are held."""
    for _ in numbers:
        if time.monotonic() > end:
            return
        with contextlib.suppress(OSError):
            async with asyncio.timeout(PATIENCE):
                connection = await asyncio.open_connection(host, port)
                if await answers(connection):
                    held.append(connection)


async def answers(connection: Connection) -> bool:
    reader, writer = connection
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(b"x")
            return await reader.read(1) == b"x"
    except OSError:
        return False


async def main(host: str, port: int, count: int, within: float = OPEN_WITHIN) -> None:
    held: list[Connection] = []
    numbers, began = iter(range(count)), time.monotonic()
    end = began + within
    await asyncio.gather(*(open_some(host, port, numbers, held, end) for _ in range(AT_ONCE)))
    say(held=len(held), seconds=time.monotonic() - began)
    await asyncio.to_thread(sys.stdin.readline)
    say(held=sum(await asyncio.gather(*(answers(connection) for connection in held))))


def say(**words: float) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
