"""What the two sub-protocols of a port-forward have in common. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that must be sent to the server now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The forward is over; why, in the server's words."""

    reason: str


Received = memoryview | Reply | Failed


class Framing(Protocol):
    """One forwarded port inside the messages of a WebSocket."""

    subprotocol: str

    def opening(self) -> bytes:
        """What the first message to the server holds; nothing for an empty one."""

    def put_header(self, buffer: bytearray, start: int, end: int) -> int:
        """Write the header of ``buffer[start:end]`` in front of it; where the frame starts."""

    def receive(self, message: memoryview, *, first: bool) -> Iterable[Received]:
        """Take a message apart, without copying: the pieces are parts of it.

        ``first`` is False for the continuation of a fragmented message (RFC 6455 §5.4).
        """


def plain_reason(text: str, pod: str, port: int) -> str:
    """What an error text of kubelet or container runtime means for the one who reads it."""
    low = text.lower()
    if "connection refused" in low:
        return f"nothing listens on port {port} in Pod {pod} (connection refused)"
    if "not found" in low or "not running" in low or "no running task" in low:
        return f"Pod {pod} is not running any more"
    if "timed out" in low or "timeout" in low or "deadline exceeded" in low:
        return f"Pod {pod} did not answer on port {port} in time"
    return f"port-forward to Pod {pod} ended: {text.strip() or 'no reason was given'}"
