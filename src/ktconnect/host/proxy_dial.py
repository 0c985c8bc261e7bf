"""Connections that the laptop makes itself, and joining two sockets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

DIAL_SECONDS = 10.0
_CHUNK = 131072
_RESET = struct.pack("ii", 1, 0)


async def dial(host: str, port: int) -> socket.socket:
    """Connect by TCP to the first address that answers. Raises: OSError (TimeoutError too)."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("no address")
    async with asyncio.timeout(DIAL_SECONDS):
        found = await _addresses(host, port)
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, address)
            except OSError as error:
                sock.close()
                failure = error
                continue
            except asyncio.CancelledError:
                sock.close()
                raise
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure


async def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    loop = asyncio.get_running_loop()
    try:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # what IDNA makes of an empty label, or of one that is too long
        raise OSError(f"{host!r} is no host name") from None


@dataclass(slots=True)
class Relayed:
    """What passed between two sockets: bytes to the right, bytes to the left, and how it ended."""

    right: int = 0
    left: int = 0
    reset: bool = False


async def relay(
    left: socket.socket,
    right: socket.socket,
    limit: int | None = None,
    *,
    must_answer: bool = False,
) -> Relayed:
    """Copy both ways until both ended, or one was reset. Half-closes are passed on.

    limit: bytes that pass to the right at most; what follows is thrown away. must_answer: if
    ``right`` ends without a byte that is a reset, and ``left`` can still be told. Closes: nothing.
    """
    relayed = Relayed()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy_right(left, right, relayed, limit))
            tasks.create_task(_copy_left(right, left, relayed, must_answer))
    except* OSError:
        relayed.reset = True
    return relayed


async def _copy_right(
    left: socket.socket, right: socket.socket, relayed: Relayed, limit: int | None
) -> None:
    loop = asyncio.get_running_loop()
    async for data in _chunks(left):
        wanted = data if limit is None else data[: limit - relayed.right]
        relayed.right += len(wanted)
        await loop.sock_sendall(right, wanted)
    right.shutdown(socket.SHUT_WR)


async def _copy_left(
    right: socket.socket, left: socket.socket, relayed: Relayed, must_answer: bool
) -> None:
    loop = asyncio.get_running_loop()
    async for data in _chunks(right):
        relayed.left += len(data)
        await loop.sock_sendall(left, data)
    if must_answer and not relayed.left:
        raise ConnectionResetError
    left.shutdown(socket.SHUT_WR)


async def _chunks(sock: socket.socket) -> AsyncIterator[memoryview]:
    """What comes in; each chunk is valid until the next one."""
    buffer = memoryview(bytearray(_CHUNK))
    while size := await asyncio.get_running_loop().sock_recv_into(sock, buffer):
        yield buffer[:size]


def abort_on_close(sock: socket.socket) -> None:
    """Closing will reset the connection instead of ending it in order."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
