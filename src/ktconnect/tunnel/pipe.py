"""A byte pipe to the other end, whatever it is made of.

Implemented by ``tunnel.socketpipe`` (plain TCP) and by ``kube`` (port-forward).
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

HEADROOM: Final = 32
"""Bytes in front of a payload that a pipe may overwrite with its own framing."""


class PipeEvents(Protocol):
    """Who hears of a pipe: the link on it."""

    def data_received(self, data: memoryview) -> None:
        """Bytes of the peer, in any chunking; valid during the call only."""

    def resume_writing(self) -> None:
        """After ``send`` returned False: the pipe takes bytes again."""

    def pipe_lost(self, reason: str) -> None:
        """The pipe is gone. Exactly once; nothing follows. Not called after ``close``."""


class Pipe(Protocol):
    """Bytes both ways, in order."""

    def start(self, events: PipeEvents) -> None:
        """Begin delivering."""

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        """Take ``buffer[start:end]`` whole; the buffer is free for reuse on return.

        ``start`` is at least HEADROOM. The HEADROOM bytes before it may be overwritten, and the
        payload too (masking). False: taken, but full; send nothing before ``resume_writing``.
        Never calls back before it has returned.
        """

    def close(self) -> None:
        """Give up the pipe at once. Idempotent."""


OpenPipe = Callable[[], Awaitable[Pipe]]
"""How a tunnel gets a new pipe. Raises KtError, OSError or TimeoutError when it can't."""
