"""Frames: an 8-byte header (kind, 24-bit length, stream number), then the payload.

The parser takes bytes in any chunking. The payload of DATA is handed out as it arrives, without
waiting for its frame to be whole; every other frame is small and handed out whole.
"""

import enum
import struct
from typing import TYPE_CHECKING, Final

from ktconnect.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = struct.Struct(">II")
HEADER_SIZE: Final = HEADER.size
NUMBER: Final = struct.Struct(">I")
MAX_LENGTH: Final = 0xFFFFFF
MAX_DATAGRAM: Final = 65_535
MAX_TARGET: Final = 512


class Kind(enum.IntEnum):
    """What a frame says about its stream (PING and PONG: about the link, stream 0)."""

    DATA = 0
    """Bytes of the stream."""
    OPEN = 1
    """A new stream; payload: its target as text. Data may follow at once."""
    EOF = 2
    """No more DATA will follow in this direction."""
    RESET = 3
    """The stream is over, both ways; payload: why, as a Linux errno (32 bit)."""
    WINDOW = 4
    """That many more bytes (32 bit) may be sent."""
    PING = 5
    """Answer with PONG and the same eight bytes."""
    PONG = 6
    """The answer to a PING."""
    DATAGRAM = 7
    """One whole message of a UDP or ICMP flow."""
    OPENED = 8
    """The stream's target has accepted. Said by whoever dialled; before it, a RESET means that the
    target was never reached."""


LENGTHS: Final = {
    Kind.DATA: (1, MAX_LENGTH),
    Kind.OPEN: (1, MAX_TARGET),
    Kind.EOF: (0, 0),
    Kind.RESET: (4, 4),
    Kind.WINDOW: (4, 4),
    Kind.PING: (8, 8),
    Kind.PONG: (8, 8),
    Kind.DATAGRAM: (0, MAX_DATAGRAM),
    Kind.OPENED: (0, 0),
}
"""Shortest and longest payload of every kind."""

_LIMITS: Final = tuple(LENGTHS[kind] for kind in Kind)


def encode(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    """One whole frame."""
    return HEADER.pack(kind << 24 | len(payload), stream) + payload


def encode_number(kind: Kind, stream: int, number: int) -> bytes:
    """A frame whose payload is one 32-bit number: RESET or WINDOW."""
    return HEADER.pack(kind << 24 | NUMBER.size, stream) + NUMBER.pack(number)


def decode_number(payload: memoryview) -> int:
    """The payload of RESET or WINDOW."""
    number: int = NUMBER.unpack(payload)[0]
    return number


def _split(head: int) -> tuple[int, int]:
    """Kind and length out of the first header word, checked."""
    kind, length = head >> 24, head & MAX_LENGTH
    if kind >= len(_LIMITS):
        raise ProtocolError(f"unknown frame kind {kind}")
    shortest, longest = _LIMITS[kind]
    if not shortest <= length <= longest:
        raise ProtocolError(f"{Kind(kind).name} frame of {length} bytes")
    return kind, length


class FrameParser:
    """Cuts the bytes of a peer into frames.

    What is kept between two calls is at most one incomplete header or small frame.
    """

    __slots__ = ("_left", "_partial", "_stream")

    def __init__(self) -> None:
        self._partial = bytearray()
        self._left = 0
        self._stream = 0

    def feed(self, data: memoryview) -> "Iterator[tuple[int, int, memoryview]]":
        """(kind, stream, payload) for what ``data`` brought, one after the other.

        Payloads point into ``data`` and are valid as long as it is. The iterator must be
        exhausted before the next call.

        Raises: ProtocolError for an unknown kind or a length that the kind does not allow.
        """
        return self._go_on(data) if self._partial else self._cut(data, 0)

    def _go_on(self, data: memoryview) -> "Iterator[tuple[int, int, memoryview]]":
        """Begin with the frame that an earlier call left incomplete."""
        position = self._top_up(data)
        if frame := self._completed():
            yield frame
        yield from self._cut(data, position)

    def _cut(self, data: memoryview, position: int) -> "Iterator[tuple[int, int, memoryview]]":
        end = len(data)
        while position < end:
            if self._left:
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                yield Kind.DATA, self._stream, piece
                continue
            start = position + HEADER_SIZE
            if start > end:
                break
            head, stream = HEADER.unpack_from(data, position)
            kind, length = _split(head)
            if kind == 0:
                position, self._left, self._stream = start, length, stream
                continue
            if start + length > end:
                break
            position = start + length
            yield kind, stream, data[start:position]
        self._partial += data[position:]

    def _top_up(self, data: memoryview) -> int:
        """Complete the frame begun in an earlier call as far as possible; how much was used."""
        used = self._take(data, 0, HEADER_SIZE)
        if len(self._partial) < HEADER_SIZE:
            return used
        head, stream = HEADER.unpack_from(self._partial)
        kind, length = _split(head)
        if kind == Kind.DATA:
            self._left, self._stream = length, stream
            self._partial.clear()
            return used
        return self._take(data, used, HEADER_SIZE + length)

    def _take(self, data: memoryview, used: int, size: int) -> int:
        missing = data[used : used + max(0, size - len(self._partial))]
        self._partial += missing
        return used + len(missing)

    def _completed(self) -> tuple[int, int, memoryview] | None:
        if len(self._partial) < HEADER_SIZE:
            return None
        head, stream = HEADER.unpack_from(self._partial)
        kind, length = _split(head)
        if len(self._partial) < HEADER_SIZE + length:
            return None
        payload = memoryview(bytes(self._partial))[HEADER_SIZE:]
        self._partial.clear()
        return kind, stream, payload
