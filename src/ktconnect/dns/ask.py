"""What it means to ask a DNS server, and asking over a TCP-like stream (RFC 1035 §4.2.2)."""

import asyncio
import socket
from typing import Protocol

from .message import is_answer_to
from .name import FormatError


class AskFailed(Exception):
    """No usable answer: nobody there, too late, or nonsense."""


class Ask(Protocol):
    """One server, or some that answer alike.

    ``tcp``: the asker came by TCP, so the answer may be of any size; else it may be truncated.
    Takes no longer than its own time limit. Raises: AskFailed.
    """

    async def __call__(self, query: bytes, *, tcp: bool = False) -> bytes: ...


async def ask_stream(sock: socket.socket, query: bytes) -> bytes:
    """One query and its answer over a connected non-blocking stream socket.

    Closes: nothing; without time limit. Raises: AskFailed, OSError.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, len(query).to_bytes(2, "big") + query)
    length = int.from_bytes(await _receive_exactly(sock, 2), "big")
    response = await _receive_exactly(sock, length)
    if not is_answer_to(query, response):
        raise AskFailed("the answer is to another question")
    return response


async def _receive_exactly(sock: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(sock, size - len(data))
        if not more:
            raise AskFailed("the server hung up")
        data += more
    return data


async def receive_query(sock: socket.socket) -> bytes:
    """The next query on an accepted stream. Raises: AskFailed at its end, OSError, FormatError."""
    length = int.from_bytes(await _receive_exactly(sock, 2), "big")
    if length == 0:
        raise FormatError("empty message")
    return await _receive_exactly(sock, length)
