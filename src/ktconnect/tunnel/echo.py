"""What the messages of a flow look like on the socket of the reaching side."""

import socket
import struct
from typing import Final, Protocol

from .datagram import ECHO


class Codec(Protocol):
    """What a flow's messages look like on its socket."""

    def outgoing(self, message: memoryview) -> bytes | memoryview | None:
        """What to send for a message of the peer; None to drop it."""

    def incoming(self, data: bytes) -> bytes | None:
        """The message for what was received; None to drop it."""


class Plain:
    """UDP: as it is."""

    def outgoing(self, message: memoryview) -> bytes | memoryview | None:
        """See Codec."""
        return message

    def incoming(self, data: bytes) -> bytes | None:
        """See Codec."""
        return data


class Echo:
    """ICMP echo on a ping socket, whose identifier is the kernel's choice.

    Several pings may share a flow, so requests get a sequence number of ours, and the original
    identifier and number are put back into the reply. Replies to forgotten requests are dropped.
    """

    REMEMBERED: Final = 1024
    _HEAD: Final = struct.Struct(">BBHHH")

    def __init__(self, family: int) -> None:
        self._request, self._reply = (8, 0) if family == socket.AF_INET else (128, 129)
        self._sequence = 0
        self._sent: dict[int, bytes] = {}

    def outgoing(self, message: memoryview) -> bytes | memoryview | None:
        """See Codec. The kernel fills identifier and checksum in."""
        if len(message) < ECHO.size:
            return None
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._sent[self._sequence] = bytes(message[: ECHO.size])
        if len(self._sent) > self.REMEMBERED:
            del self._sent[next(iter(self._sent))]
        head = self._HEAD.pack(self._request, 0, 0, 0, self._sequence)
        return head + message[ECHO.size :]

    def incoming(self, data: bytes) -> bytes | None:
        """See Codec."""
        if len(data) < self._HEAD.size or data[0] != self._reply:
            return None
        original = self._sent.pop(self._HEAD.unpack_from(data)[4], None)
        return None if original is None else original + data[self._HEAD.size :]
