"""Answers in every protocol who it is and what it saw.

HTTP/1.1, HTTP/2 without TLS (prior knowledge or upgrade) and WebSocket on each of the HTTP ports;
the same with TLS; gRPC; TCP where the server speaks first; UDP. Its packages are hypercorn and
grpcio. `WHO` says who it is, else `POD_NAME`, else the machine's name.

HTTP paths: `/status/404`; `/sse?count=3&pause=0.1`; `/slow?seconds=2`; `/bytes?count=1000`; any
other answers JSON. A body is read to its end: its length and SHA-256 are told.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import socket
from typing import Any
from urllib.parse import parse_qsl

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from hypercorn.asyncio import serve
from hypercorn.config import Config

SERVICE = "polyglot.Polyglot"
BLOCK = bytes(65536)
Json = dict[str, Any]


def identity() -> Json:
    host = socket.gethostname()
    pod = os.environ.get("POD_NAME", host)
    return {"who": os.environ.get("WHO", pod), "pod": pod}


def line(found: Json) -> bytes:
    return json.dumps(found).encode() + b"\n"


# -- HTTP ----------------------------------------------------------------------------------------


async def application(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await http(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def seen(scope: Json) -> Json:
    """What came of the request."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    client = scope.get("client") or ("", 0)
    return {
        **identity(),
        "protocol": f"HTTP/{scope['http_version']}",
        "scheme": scope["scheme"],
        "method": scope.get("method", "GET"),
        "path": scope["path"],
        "query": query,
        "headers": headers,
        "client": client[0].removeprefix("::ffff:"),
    }


async def http(scope: Json, receive: Any, send: Any) -> None:
    told = seen(scope)
    told["length"], told["sha256"] = await read_body(receive)
    options = dict(parse_qsl(told["query"]))
    path = scope["path"]
    if path == "/sse":
        await events(told, send, int(options.get("count", 3)), float(options.get("pause", 0.1)))
    elif path == "/bytes":
        await plenty(send, int(options["count"]))
    else:
        await asyncio.sleep(float(options.get("seconds", 0)) if path == "/slow" else 0)
        first, _, code = path.strip("/").partition("/")
        await answer(send, int(code) if first == "status" else 200, line(told))


async def read_body(receive: Any) -> tuple[int, str]:
    length, known = 0, hashlib.sha256()
    while True:
        part = await receive()
        if part["type"] != "http.request":
            raise ConnectionError("the caller left")
        length += len(part.get("body", b""))
        known.update(part.get("body", b""))
        if not part.get("more_body"):
            return length, known.hexdigest()


async def start(send: Any, status: int, kind: bytes, length: int | None = None) -> None:
    headers = [(b"content-type", kind), (b"x-who", identity()["who"].encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def answer(send: Any, status: int, content: bytes) -> None:
    await start(send, status, b"application/json", len(content))
    await send({"type": "http.response.body", "body": content})


async def events(told: Json, send: Any, count: int, pause: float) -> None:
    await start(send, 200, b"text/event-stream")
    for number in range(count):
        text = f"data: {json.dumps({**told, 'number': number})}\n\n"
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b""})


async def plenty(send: Any, count: int) -> None:
    await start(send, 200, b"application/octet-stream", count)
    for begin in range(0, count, len(BLOCK)):
        body = BLOCK[: count - begin]
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def websocket(scope: Json, receive: Any, send: Any) -> None:
    """Tell what was seen, then answer each message."""
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": json.dumps(seen(scope))})
        else:
            told = {**identity(), "said": event.get("text") or len(event["bytes"])}
            await send({"type": "websocket.send", "text": json.dumps(told)})


# -- gRPC ----------------------------------------------------------------------------------------


def asked(message: Json, context: Any) -> Json:
    marks = {name: value for name, value in context.invocation_metadata() if "-bin" not in name}
    return {**identity(), "protocol": "gRPC", "headers": marks, "said": message}


async def ask(message: Json, context: Any) -> Json:
    """`{"fail": "UNAVAILABLE"}` is answered with that status."""
    if code := message.get("fail"):
        await context.abort(grpc.StatusCode[code], "as you asked")
    return asked(message, context)


async def count(message: Json, context: Any) -> Any:
    for number in range(message["count"]):
        yield {**asked(message, context), "number": number}
        await asyncio.sleep(message.get("pause", 0))


async def talk(messages: Any, context: Any) -> Any:
    async for message in messages:
        yield asked(message, context)


def grpc_server(place: str) -> Any:
    coded = (json.loads, lambda told: json.dumps(told).encode())
    handlers = {
        "Ask": grpc.unary_unary_rpc_method_handler(ask, *coded),
        "Count": grpc.unary_stream_rpc_method_handler(count, *coded),
        "Talk": grpc.stream_stream_rpc_method_handler(talk, *coded),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(place)
    return server


# -- TCP and UDP ---------------------------------------------------------------------------------


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server speaks first; then it sends back what it gets, to the end."""
    with contextlib.suppress(OSError):
        writer.write(line({**identity(), "protocol": "TCP"}))
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: Any) -> None:
        told = {**identity(), "protocol": "UDP", "said": data.decode(errors="replace")}
        self.transport.sendto(line(told), sender)


# -- all of it -----------------------------------------------------------------------------------


def at(chosen: argparse.Namespace, port: int) -> str:
    host = chosen.address or "::"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def web_config(chosen: argparse.Namespace) -> Config:
    config = Config()
    clear = [at(chosen, port) for port in chosen.http]
    config.bind, config.insecure_bind = clear, []
    if chosen.certificate:
        config.certfile, config.keyfile = f"{chosen.certificate}.crt", f"{chosen.certificate}.key"
        config.bind, config.insecure_bind = [at(chosen, chosen.tls)], clear
    config.loglevel, config.graceful_timeout = "WARNING", 1
    config.websocket_max_message_size = config.h11_max_incomplete_size = 1 << 26
    config.keep_alive_timeout = config.read_timeout = 3600
    return config


async def main(chosen: argparse.Namespace) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    speaking = grpc_server(at(chosen, chosen.grpc))
    await speaking.start()
    greeting = await asyncio.start_server(greet, chosen.address or None, chosen.tcp)
    await loop.create_datagram_endpoint(Datagrams, (chosen.address or "::", chosen.udp))
    print(json.dumps({"ready": vars(chosen)}), flush=True)  # noqa: T201
    await serve(application, web_config(chosen), shutdown_trigger=stop.wait)
    greeting.close()
    await speaking.stop(0.2)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="", help="where to listen; default: everywhere")
    parser.add_argument("--http", type=int, action="append", help="default: 8080, 8081, 8082")
    parser.add_argument("--tls", type=int, default=8443)
    parser.add_argument("--certificate", default="", help="path without .crt and .key")
    parser.add_argument("--grpc", type=int, default=9090)
    parser.add_argument("--tcp", type=int, default=7000)
    parser.add_argument("--udp", type=int, default=7002)
    chosen = parser.parse_args()
    chosen.http = chosen.http or [8080, 8081, 8082]
    return chosen


if __name__ == "__main__":
    asyncio.run(main(arguments()))
