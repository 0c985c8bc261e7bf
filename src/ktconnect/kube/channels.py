"""The older sub-protocol of a port-forward: each message starts with a channel byte. Sans-I/O.

Channel 0 is data, 1 is errors; the first message of each channel is the port (two bytes, little
endian) and says nothing new. Spoken by every API server; the kubelet's side of it is slower.
"""

from collections.abc import Iterator

from .frames import Failed, Received

DATA, ERRORS = 0, 1


class Channels:
    """The client's end of one forwarded port."""

    subprotocol = "v4.channel.k8s.io"

    def __init__(self) -> None:
        self._greeted: set[int] = set()
        self._channel = DATA
        self._to_skip = 0

    def opening(self) -> bytes:
        """Nothing: the port is in the URL."""
        return b""

    def put_header(self, buffer: bytearray, start: int, end: int) -> int:
        buffer[start - 1] = DATA
        return start - 1

    def receive(self, message: memoryview, *, first: bool = True) -> Iterator[Received]:
        if first:
            if not message:
                return
            self._channel, message = message[0], message[1:]
            self._to_skip = 0 if self._channel in self._greeted else 2
            self._greeted.add(self._channel)
        skipped = min(self._to_skip, len(message))
        self._to_skip -= skipped
        message = message[skipped:]
        if not message:
            return
        if self._channel == DATA:
            yield message
        elif self._channel == ERRORS:
            yield Failed(bytes(message).decode(errors="replace"))
