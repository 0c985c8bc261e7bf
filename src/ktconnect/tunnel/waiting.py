"""Datagrams that wait for the pipe: few, and in order. More are dropped, as a full line does."""

from collections import deque
from typing import Final

LIMIT: Final = 256 * 1024
"""Bytes that may wait."""


class Datagrams:
    """Frames that may be dropped, packed into as few messages as they fit in."""

    __slots__ = ("_frames", "size")

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self.size = 0
        """Bytes that wait."""

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, frame: bytes) -> bool:
        """Let it wait; False if there is no room."""
        if self.size + len(frame) > LIMIT:
            return False
        self._frames.append(frame)
        self.size += len(frame)
        return True

    def pack(self, buffer: bytearray, start: int, room: int) -> int:
        """Move as many as fit into ``room`` bytes of ``buffer`` from ``start``; their size."""
        size = 0
        while self._frames and size + len(self._frames[0]) <= room:
            frame = self._frames.popleft()
            buffer[start + size : start + size + len(frame)] = frame
            size += len(frame)
        self.size -= size
        return size

    def clear(self) -> None:
        """Drop all."""
        self._frames.clear()
        self.size = 0
