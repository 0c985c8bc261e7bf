"""Carts, kept in Redis: ``GET /anna`` shows one, ``POST /anna/mug`` puts a mug into it."""

import os
import socket
from typing import IO

from shop import TIMEOUT_SECONDS, Reply, Request, me, serve_http

REDIS = os.environ.get("REDIS", "redis:6379")
Value = str | int | None | list["Value"]


def redis(*words: str) -> Value:
    """Run one command (RESP, the protocol of Redis). Raises: OSError."""
    host, _, port = REDIS.rpartition(":")
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    with socket.create_connection((host, int(port)), TIMEOUT_SECONDS) as sock:
        sock.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        with sock.makefile("rb") as file:
            return _value(file)


def _value(file: IO[bytes]) -> Value:
    line = file.readline().decode().strip()
    kind, rest = line[:1], line[1:]
    match kind:
        case "+":
            return rest
        case ":":
            return int(rest)
        case "$":
            return None if rest == "-1" else file.read(int(rest) + 2)[:-2].decode()
        case "*":
            return [_value(file) for _ in range(int(rest))]
    raise OSError(f"Redis says {line!r}")


def answer(request: Request) -> Reply:
    who, _, product = request.path.strip("/").partition("/")
    if not who:
        return Reply({**me(), "redis": redis("PING")})
    if product and request.method == "POST":
        redis("HINCRBY", f"cart:{who}", product, "1")
    if not product and request.method == "DELETE":
        redis("DEL", f"cart:{who}")
    flat = redis("HGETALL", f"cart:{who}")
    pairs = flat if isinstance(flat, list) else []
    items = {str(name): int(str(n)) for name, n in zip(pairs[::2], pairs[1::2], strict=True)}
    return Reply({"cart": who, "items": items, **me()})


if __name__ == "__main__":
    serve_http(answer)
