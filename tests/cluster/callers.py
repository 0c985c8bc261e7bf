"""Runs in a Pod, on the standard library: calls a Service all the time on fresh connections.

`callers.py HOST PORT RATE` prints a line for each call that is over: when it began (seconds since
the epoch), how many seconds it took, who answered; or `-` and why nobody did.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

PATIENCE = 30.0
REQUEST = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"


async def ask(host, port):
    """Who answered one request."""
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
    return json.loads(body)["pod"]


async def call(host, port):
    began, clock = time.time(), time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            outcome = await ask(host, port)
    except (OSError, ValueError) as error:
        outcome = f"- {type(error).__name__} {error}".replace("\n", " ")
    sys.stdout.write(f"{began:.3f} {time.monotonic() - clock:.3f} {outcome}\n")
    sys.stdout.flush()


async def main(host, port, rate):
    began, count = time.monotonic(), 0
    async with asyncio.TaskGroup() as tasks:
        while True:
            count += 1
            tasks.create_task(call(host, port))
            await asyncio.sleep(max(0.0, began + count / rate - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
