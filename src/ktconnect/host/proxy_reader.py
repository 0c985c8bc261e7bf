"""Reads a handshake from a socket and not one byte more, as the rest belongs to who comes next."""

import asyncio
import socket

LARGEST_HEAD = 65536


class HandshakeError(Exception):
    """The client can't have what it asked for. ``reply``: the bytes that tell it, maybe none."""

    def __init__(self, reply: bytes = b"") -> None:
        super().__init__("refused")
        self.reply = reply


class Reader:
    """Over a non-blocking stream socket; closes nothing."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def first_byte(self) -> int:
        """Look at the next byte and leave it there."""
        return (await self._peek(1))[0]

    async def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += await self._take(len(await self._peek(size - len(data))))
        return data

    async def until(self, end: bytes, limit: int = LARGEST_HEAD) -> bytes:
        """Everything up to and with ``end``. Raises: HandshakeError if that is too far away."""
        data = b""
        while not data.endswith(end):
            seen = await self._peek(limit)
            at = (data + seen).find(end, max(0, len(data) - len(end) + 1))
            data += await self._take(len(seen) if at < 0 else at + len(end) - len(data))
            if len(data) > limit:
                raise HandshakeError
        return data

    async def _peek(self, size: int) -> bytes:
        while True:
            try:
                seen = self._sock.recv(size, socket.MSG_PEEK)
            except BlockingIOError:
                await _readable(self._sock)
                continue
            if not seen:
                raise HandshakeError
            return seen

    async def _take(self, size: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._sock, size)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock)
