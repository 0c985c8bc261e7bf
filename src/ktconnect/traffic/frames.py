"""What one side of an HTTP/2 connection sends (RFC 9113): bytes in, what they say out.

Frames are taken apart by hyperframe, headers by hpack, which are the two that ``h2`` stands on. h2
itself speaks for one side, with windows, settings and limits; who reads along has no say in those.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hpack import Decoder, HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PushPromiseFrame,
    RstStreamFrame,
)

from .exchange import KEPT, Headers

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""How every connection begins, on the caller's side (RFC 9113 §3.4)."""

LENGTH: Final = 9
"""Bytes of a frame before its payload (§4.1)."""

ERRORS: Final = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT"),
    *("STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR"),
    *("CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)
"""Error codes by their number (§7)."""


class Unreadable(Exception):
    """What came is no HTTP/2; says so. Nothing that follows can be read either."""


@dataclass(frozen=True, slots=True)
class Head:
    """Headers or trailers of a stream, pseudo-headers among them; ``ends``: nothing follows."""

    stream: int
    pairs: Headers
    ends: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a body."""

    stream: int
    data: bytes
    ends: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """A stream was given up; ``why`` is the name of the error."""

    stream: int
    why: str


class Side:
    """One side. ``preface``: what it begins with before its first frame."""

    def __init__(self, preface: bytes = b"") -> None:
        self._preface = preface
        self._rest = bytearray()
        self._decoder = Decoder(max_header_list_size=KEPT)
        # What the other side allows is said elsewhere; what is used is said in the headers.
        self._decoder.max_allowed_table_size = KEPT
        self._head: Frame | None = None
        self._block = bytearray()

    def more(self, data: bytes) -> Iterator[Head | Chunk | Reset]:
        """Take bytes, tell what is whole by them. Raises: Unreadable."""
        self._rest += data
        try:
            if self._begun():
                for frame in self._frames():
                    yield from self._said(frame)
        except (HyperframeError, HPACKError) as error:
            raise Unreadable(str(error) or type(error).__name__) from None

    def _begun(self) -> bool:
        seen = bytes(self._rest[: len(self._preface)])
        if not self._preface.startswith(seen):
            raise Unreadable("it does not begin as HTTP/2 does")
        if len(seen) < len(self._preface):
            return False
        del self._rest[: len(seen)]
        self._preface = b""
        return True

    def _frames(self) -> Iterator[Frame]:
        while len(self._rest) >= LENGTH:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self._rest[:LENGTH])))
            end = LENGTH + length
            if len(self._rest) < end:
                return
            frame.parse_body(memoryview(bytes(self._rest[LENGTH:end])))
            del self._rest[:end]
            yield frame

    def _said(self, frame: Frame) -> Iterator[Head | Chunk | Reset]:
        match frame:
            case HeadersFrame() | PushPromiseFrame():
                self._head, self._block = frame, bytearray(frame.data)
                yield from self._headers(frame)
            case ContinuationFrame():
                self._block += frame.data
                yield from self._headers(frame)
            case DataFrame():
                yield Chunk(frame.stream_id, frame.data, "END_STREAM" in frame.flags)
            case RstStreamFrame():
                yield Reset(frame.stream_id, error_name(frame.error_code))
            case _:
                pass

    def _headers(self, last: Frame) -> Iterator[Head]:
        """Once a block is whole. One that nobody asked for (a push) is read for the table alone."""
        if len(self._block) > KEPT:
            raise Unreadable("its headers have no end")
        if "END_HEADERS" not in last.flags:
            return
        head, self._head = self._head, None
        pairs = tuple(
            (bytes(pair[0]).decode("latin-1"), bytes(pair[1]).decode("latin-1"))
            for pair in self._decoder.decode(bytes(self._block), raw=True)
        )
        if isinstance(head, HeadersFrame):
            yield Head(head.stream_id, pairs, "END_STREAM" in head.flags)


def error_name(code: int) -> str:
    """``REFUSED_STREAM``; its number for what RFC 9113 does not know."""
    return ERRORS[code] if code < len(ERRORS) else f"error {code}"
