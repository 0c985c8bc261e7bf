"""JSON messages, and file descriptors with them, between ktctl and its root helper."""

import asyncio
import json
import os
import socket
from collections import deque
from contextlib import suppress
from typing import Any

MAX_MESSAGE = 16 << 20
MAX_FDS = 8
Message = dict[str, Any]


class Channel:
    """One end of a UNIX stream socket; one JSON object a line. Closes: with ``close``."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._buffer = bytearray()
        self._fds: deque[int] = deque()

    async def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Send a message; the descriptors stay the caller's. Raises: OSError if nobody reads."""
        data = json.dumps({**message, "fds": len(fds)}).encode() + b"\n"
        sent = await self._send_fds(data, fds) if fds else 0
        await asyncio.get_running_loop().sock_sendall(self._sock, data[sent:])

    async def receive(self) -> tuple[Message, tuple[int, ...]] | None:
        """The next message and its descriptors, now the caller's; None once the peer is gone."""
        while (end := self._buffer.find(b"\n")) < 0:
            if not await self._fill():
                return None
        message: Message = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        count = min(message.pop("fds", 0), len(self._fds))
        return message, tuple(self._fds.popleft() for _ in range(count))

    def end_sending(self) -> None:
        """Tell the peer that nothing more comes, and go on receiving."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up; descriptors that came and were not fetched are closed. Idempotent."""
        self._sock.close()
        while self._fds:
            os.close(self._fds.popleft())

    async def _send_fds(self, data: bytes, fds: tuple[int, ...]) -> int:
        while True:
            try:
                return socket.send_fds(self._sock, [data], fds)
            except BlockingIOError:
                await _ready(self._sock, writing=True)

    async def _fill(self) -> bool:
        """Read once; False at the end."""
        await _ready(self._sock, writing=False)
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, 1 << 16, MAX_FDS)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._fds.extend(fds)
        self._buffer += data
        return bool(data) and len(self._buffer) <= MAX_MESSAGE


async def _ready(sock: socket.socket, *, writing: bool) -> None:
    """Wait until the socket can be written or read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    add, remove = (
        (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    )
    add(sock, ready.set)
    try:
        await ready.wait()
    finally:
        remove(sock)
