"""Calls a Service again and again on fresh connections; runs in a Pod, on the standard library.

`callers.py HOST PORT RATE` prints one line for each call once it is over: when it began (seconds
since the epoch), how many seconds it took, who answered, or `-` and why nobody did.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

PATIENCE = 30.0
REQUEST = b"GET / HTTP/1.1\r\nHost: drill\r\nConnection: close\r\n\r\n"


async def call(host: str, port: int) -> str:
    """Who answered one request. Raises: OSError, ValueError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(REQUEST)
        answer = await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError("no answer" if not head else "cut off")
    return str(json.loads(body)["pod"])


async def tell(host: str, port: int) -> None:
    """Call once and print the line."""
    began, clock = time.time(), time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            outcome = await call(host, port)
    except (OSError, ValueError) as error:
        outcome = f"- {type(error).__name__} {error}".replace("\n", " ")
    sys.stdout.write(f"{began:.3f} {time.monotonic() - clock:.3f} {outcome}\n")
    sys.stdout.flush()


async def main(host: str, port: int, rate: float) -> None:
    """Begin ``rate`` calls a second, however long each takes, until the process is ended."""
    began, count = time.monotonic(), 0
    async with asyncio.TaskGroup() as tasks:
        while True:
            count += 1
            tasks.create_task(tell(host, port))
            await asyncio.sleep(max(0.0, began + count / rate - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
