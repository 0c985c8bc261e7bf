"""SPDY/3.1 as far as one forwarded port needs it: two streams, errors and data. Sans-I/O.

kubectl >= 1.31 speaks it inside a WebSocket that ends at the API server (KEP-4006); the frames go
on to the node as they are. Frames: SPDY/3 draft §2.2, streams: Kubernetes' port-forward protocol.
Flow control (SPDY/3.1 WINDOW_UPDATE) is not used by Kubernetes: TCP holds back instead.
"""

import struct
import zlib
from collections.abc import Iterator

from .frames import Failed, Received, Reply

ERRORS, DATA, CONTROL = 1, 3, 0  # ids of our two streams; 0 stands for control frames
SYN_STREAM, RST_STREAM, PING, GOAWAY = 1, 3, 6, 7
FIN = 0x01
VERSION = 0x8003
HEADER = struct.Struct(">II")  # stream id, or version and type; flags and length
LONGEST_ERROR = 4096


class Spdy:
    """The client's end of one forwarded port."""

    subprotocol = "SPDY/3.1+portforward.k8s.io"

    def __init__(self, port: int) -> None:
        self._port = port
        # The reader of the other side takes a zlib stream without SPDY's own dictionary as well.
        # It is one stream over all header blocks of the connection (SPDY/3 §2.6.10.1).
        self._deflate = zlib.compressobj()
        self._header = bytearray()
        self._kind = CONTROL
        self._type = 0
        self._flags = 0
        self._left = 0
        self._control = bytearray()
        self._error = bytearray()

    def opening(self) -> bytes:
        """Open the error stream, end our side of it, open the data stream."""
        return (
            self._syn_stream(ERRORS, "error")
            + HEADER.pack(ERRORS, FIN << 24)
            + self._syn_stream(DATA, "data")
        )

    def _syn_stream(self, stream: int, kind: str) -> bytes:
        block = self._deflate.compress(
            _name_values({"port": str(self._port), "requestid": "0", "streamtype": kind})
        ) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIH", stream, 0, 0) + block
        return HEADER.pack(VERSION << 16 | SYN_STREAM, len(body)) + body

    def put_header(self, buffer: bytearray, start: int, end: int) -> int:
        HEADER.pack_into(buffer, start - 8, DATA, end - start)
        return start - 8

    def receive(self, message: memoryview, *, first: bool = True) -> list[Received]:
        """SPDY is a stream of bytes: where a message ends means nothing."""
        found: list[Received] = []
        at, size = 0, len(message)
        while at < size:
            if self._left:
                end = min(at + self._left, size)
                self._left -= end - at
                if self._kind == DATA:
                    found.append(message[at:end])
                else:
                    self._keep(message[at:end])
                at = end
            else:
                at = self._read_header(message, at)
                if self._header:
                    break
            if not self._left:
                found += self._end()
        return found

    def _read_header(self, message: memoryview, at: int) -> int:
        """Read a header, or as much of it as there is; where the rest begins."""
        if self._header or len(message) - at < 8:
            end = at + 8 - len(self._header)
            self._header += message[at:end]
            if len(self._header) < 8:
                return len(message)
            word, size = HEADER.unpack(self._header)
            self._header.clear()
        else:
            end = at + 8
            word, size = HEADER.unpack_from(message, at)
        self._begin(word, size)
        return end

    def _begin(self, word: int, size: int) -> None:
        self._flags, self._left = size >> 24, size & 0xFFFFFF
        self._kind = CONTROL if word >> 31 else word
        self._type = word & 0xFFFF if word >> 16 == VERSION else -1
        self._control.clear()

    def _keep(self, piece: memoryview) -> None:
        if self._kind == CONTROL and self._type in (RST_STREAM, PING, GOAWAY):
            self._control += piece
        elif self._kind == ERRORS and len(self._error) < LONGEST_ERROR:
            self._error += piece

    def _end(self) -> Iterator[Received]:
        """A frame is complete. The error stream ends last, so that it has said what it has to."""
        if self._kind == CONTROL:
            yield from self._controlled()
        elif self._kind == ERRORS and self._flags & FIN:
            yield self._failed("the Pod closed the connection")

    def _controlled(self) -> Iterator[Received]:
        if self._type == -1:
            yield Failed("the server broke the SPDY protocol")
        elif self._type == PING:
            yield from self._pinged()
        elif self._type == RST_STREAM:
            yield self._failed("the server reset the stream")
        elif self._type == GOAWAY:
            yield self._failed("the server is going away")

    def _pinged(self) -> Iterator[Received]:
        """An even number is the server's own ping, to be sent back (SPDY/3 §2.6.5)."""
        (number,) = struct.unpack_from(">I", self._control)
        if number % 2 == 0:
            yield Reply(HEADER.pack(VERSION << 16 | PING, 4) + self._control)

    def _failed(self, otherwise: str) -> Failed:
        return Failed(self._error.decode(errors="replace") or otherwise)


def _name_values(headers: dict[str, str]) -> bytes:
    words = [part.encode() for pair in headers.items() for part in pair]
    sized = (struct.pack(">I", len(word)) + word for word in words)
    return struct.pack(">I", len(headers)) + b"".join(sized)
