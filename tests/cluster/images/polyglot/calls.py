"""Calls a polyglot in every protocol: orders as JSON lines on stdin, answers on stdout.

An order is `{"id": 1, "kind": "http", "host": "shop", "port": 80, …}`; its answer has the same
`id` and comes when it is there, so that many may be on their way. Kinds and their options:

    http, h2c      path, method, headers, body, size (of a body of zeros), fresh (own connection),
                   tls, verify, host_header
    websocket      path, headers, messages
    grpc           method (Ask, Count, Talk), message, headers, messages
    tcp            messages
    udp            message
    load           of: another order; rate (calls each second) or workers; goes on until …
    stop           load: the id of what to end, which is answered then with what it counted
"""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections import Counter

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
import httpx2
import websockets

PATIENCE = 30.0
SERVICE = "polyglot.Polyglot"
BLOCK = bytes(65536)


class Clients:
    """Connections that are kept: one HTTP client for each protocol."""

    def __init__(self):
        self._kept = {}

    def get(self, order):
        key = (order["kind"], order.get("tls", False))
        if key not in self._kept:
            self._kept[key] = self.new(order)
        return self._kept[key]

    @staticmethod
    def new(order):
        http2 = order["kind"] == "h2c"
        limits = httpx2.Limits(max_connections=200)
        options = {"http1": not http2, "http2": http2, "limits": limits}
        wait = order.get("patience", PATIENCE)
        return httpx2.AsyncClient(verify=False, trust_env=False, timeout=wait, **options)


CLIENTS = Clients()


def address(order):
    host = order["host"]
    return f"[{host}]:{order['port']}" if ":" in host else f"{host}:{order['port']}"


async def blocks(size):
    for begin in range(0, size, len(BLOCK)):
        yield BLOCK[: size - begin]


async def http(order):
    scheme = "https" if order.get("tls") else "http"
    url = f"{scheme}://{address(order)}{order.get('path', '/')}"
    body = blocks(order["size"]) if "size" in order else order.get("body", "").encode()
    method = order.get("method", "GET")
    async with contextlib.AsyncExitStack() as stack:
        client = CLIENTS.get(order)
        if order.get("fresh"):
            client = await stack.enter_async_context(Clients.new(order))
        asking = client.stream(method, url, headers=order.get("headers"), content=body)
        answer = await stack.enter_async_context(asking)
        return {
            "status": answer.status_code,
            "protocol": answer.http_version,
            "headers": dict(answer.headers),
            **await content(answer),
        }


async def content(answer):
    """JSON as it is, events as a list, of anything else its length."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return {"seen": json.loads(await answer.aread())}
    if kind.startswith("text/event-stream"):
        lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
        told = [json.loads(line.removeprefix("data: ")) for line in lines]
        return {"seen": told[0] if told else {}, "all": told}
    length = sum([len(part) async for part in answer.aiter_bytes()])
    return {"seen": {}, "length": length}


async def websocket(order):
    url = f"ws://{address(order)}{order.get('path', '/')}"
    headers = order.get("headers") or {}
    async with websockets.connect(url, additional_headers=headers, proxy=None) as socket_:
        assert socket_.response is not None, "it is open"
        seen = json.loads(await socket_.recv())
        told = []
        for message in order.get("messages", []):
            await socket_.send(message)
            told.append(json.loads(await socket_.recv()))
        return {"seen": seen, "all": told, "headers": dict(socket_.response.headers)}


def marks(order):
    return [(name.lower(), value) for name, value in (order.get("headers") or {}).items()]


async def call_grpc(order):
    method, message = order.get("method", "Ask"), order.get("message", {})
    async with grpc.aio.insecure_channel(address(order)) as channel:
        coded = (f"/{SERVICE}/{method}", lambda told: json.dumps(told).encode(), json.loads)
        options = {"metadata": marks(order), "timeout": order.get("patience", PATIENCE)}
        if method == "Ask":
            call = channel.unary_unary(*coded)(message, **options)
            all_told = [await call]
        elif method == "Count":
            call = channel.unary_stream(*coded)(message, **options)
            all_told = [told async for told in call]
        else:
            call = channel.stream_stream(*coded)(iter(order["messages"]), **options)
            all_told = [told async for told in call]
        headers = {name: str(value) for name, value in await call.initial_metadata()}
        return {"seen": all_told[0], "all": all_told, "headers": headers}


async def tcp(order):
    reader, writer = await asyncio.open_connection(order["host"], order["port"])
    try:
        seen, told = json.loads(await reader.readline()), []
        for message in order.get("messages", []):
            writer.write(message.encode())
            told.append((await reader.readexactly(len(message.encode()))).decode())
        writer.write_eof()
        assert await reader.read() == b"", "more than was asked for"
        return {"seen": seen, "all": told}
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def udp(order):
    loop = asyncio.get_running_loop()
    family, *_, where = socket.getaddrinfo(order["host"], order["port"], type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, where)
        await loop.sock_sendall(sock, order.get("message", "hello").encode())
        return {"seen": json.loads(await loop.sock_recv(sock, 65536))}


KINDS = {
    "http": http,
    "h2c": http,
    "websocket": websocket,
    "grpc": call_grpc,
    "tcp": tcp,
    "udp": udp,
}


async def call(order):
    """An answer, whatever happens."""
    began, clock = time.time(), time.monotonic()
    try:
        async with asyncio.timeout(order.get("patience", PATIENCE)):
            found = {"error": "", **await KINDS[order["kind"]](order)}
    except Exception as error:  # noqa: BLE001 - how a call fails is what is asked for
        found = {"error": f"{type(error).__name__}: {describe(error)}"}
    return {**found, "began": began, "seconds": time.monotonic() - clock}


def describe(error):
    """gRPC says it in a long text of many lines."""
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name} {error.details()}"
    return " ".join(str(error).split())


# -- load ----------------------------------------------------------------------------------------


class Load:
    """Calls all the time, and counts who answered."""

    def __init__(self, order):
        self.order = {**order["of"]}
        self.rate, self.workers = order.get("rate", 0), order.get("workers", 4)
        self.count = order.get("count", 0)
        self.stopped = asyncio.Event()
        self.who: Counter[str] = Counter()
        self.failures, self.times, self.begun = [], [], 0

    async def run(self):
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.workers):
                tasks.create_task(self.work(began, number))
        self.times.sort()
        return {
            "calls": len(self.times),
            "who": dict(self.who),
            "failures": self.failures[:50],
            "failed": len(self.failures),
            "p50": self.share(0.5),
            "p99": self.share(0.99),
            "longest": self.share(1),
            "lasted": time.monotonic() - began,
        }

    def share(self, part):
        return (
            self.times[min(int(len(self.times) * part), len(self.times) - 1)] if self.times else 0
        )

    def is_over(self):
        return self.stopped.is_set() or (self.count and self.begun >= self.count)

    async def work(self, began, number):
        """Each worker's turns are spread over the time, so that the rate is that of all."""
        while not self.is_over():
            self.begun += 1
            await self.once()
            number += self.workers
            pause = began + number / self.rate - time.monotonic() if self.rate else 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0)):
                    await self.stopped.wait()

    async def once(self):
        found = await call(self.order)
        self.times.append(found["seconds"])
        if found["error"] or found.get("status", 200) != 200:
            problem = found["error"] or f"status {found['status']}"
            self.failures.append({"began": found["began"], "error": problem})
        else:
            self.who[found["seen"]["who"]] += 1


LOADS: dict[int, Load] = {}


async def load(order):
    LOADS[order["id"]] = Load(order)
    return await LOADS[order["id"]].run()


async def obey(order):
    if order["kind"] == "stop":
        LOADS[order["load"]].stopped.set()
        return
    found = await (load(order) if order["kind"] == "load" else call(order))
    print(json.dumps({"id": order["id"], **found}), flush=True)  # noqa: T201


async def main():
    reader = asyncio.StreamReader(limit=1 << 24)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        while line := await reader.readline():
            tasks.create_task(obey(json.loads(line)))
        for going in LOADS.values():
            going.stopped.set()


if __name__ == "__main__":
    asyncio.run(main())
