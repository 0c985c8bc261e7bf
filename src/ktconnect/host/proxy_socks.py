"""SOCKS5 (RFC 1928), SOCKS4 and 4a: CONNECT without authentication."""

import errno
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address

from .proxy_reader import HandshakeError, Reader
from .proxy_request import ProxyRequest

SOCKS4, SOCKS5 = 4, 5
_CONNECT = 1
_NO_AUTHENTICATION = 0
_NOTHING_BOUND = b"\1" + bytes(6)  # IPv4 0.0.0.0:0: what we are bound to is nobody's business
_FAILED, _BAD_COMMAND, _BAD_ADDRESS = 1, 7, 8
_CODES = {errno.ENETUNREACH: 3, errno.EHOSTUNREACH: 4, errno.ETIMEDOUT: 4, errno.ECONNREFUSED: 5}
_LONGEST_TEXT = 256
Say = Callable[[bytes], Awaitable[None]]


async def read_socks5(reader: Reader, say: Say) -> ProxyRequest:
    """Shake hands. ``say`` sends to the client. Raises: HandshakeError."""
    _, count = await reader.exactly(2)
    methods = await reader.exactly(count)
    if _NO_AUTHENTICATION not in methods:
        raise HandshakeError(b"\5\xff")
    await say(b"\5\0")
    _, command, _, kind = await reader.exactly(4)
    host = await _read_address(reader, kind)
    port = int.from_bytes(await reader.exactly(2), "big")
    if command != _CONNECT:
        raise HandshakeError(_reply5(_BAD_COMMAND))
    return ProxyRequest(host, port, _reply5(0), _refused5)


async def _read_address(reader: Reader, kind: int) -> str:
    match kind:
        case 1:
            return socket.inet_ntoa(await reader.exactly(4))
        case 3:
            [length] = await reader.exactly(1)
            return _name(await reader.exactly(length), _reply5(_FAILED))
        case 4:
            return str(IPv6Address(await reader.exactly(16)))
        case _:
            raise HandshakeError(_reply5(_BAD_ADDRESS))


def _name(text: bytes, reply: bytes) -> str:
    if not text or not text.isascii() or any(byte <= 32 or byte == 127 for byte in text):
        raise HandshakeError(reply)
    return text.decode("ascii")


def _reply5(code: int) -> bytes:
    return bytes([SOCKS5, code, 0]) + _NOTHING_BOUND


def _refused5(error: OSError | None) -> bytes:
    number = error.errno if error else None
    return _reply5(_CODES.get(number, _FAILED) if number else _FAILED)


async def read_socks4(reader: Reader) -> ProxyRequest:
    """Shake hands. Raises: HandshakeError."""
    _, command, *port = await reader.exactly(4)
    address = await reader.exactly(4)
    await reader.until(b"\0", _LONGEST_TEXT)  # who the user says it is
    host = socket.inet_ntoa(address)
    if address[:3] == bytes(3) and address[3]:  # 4a: the name follows
        host = _name((await reader.until(b"\0", _LONGEST_TEXT))[:-1], _reply4(91))
    if command != _CONNECT:
        raise HandshakeError(_reply4(91))
    return ProxyRequest(host, int.from_bytes(bytes(port), "big"), _reply4(90), _refused4)


def _reply4(code: int) -> bytes:
    return bytes([0, code]) + bytes(6)


def _refused4(error: OSError | None) -> bytes:
    return _reply4(91)
