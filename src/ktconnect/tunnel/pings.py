"""Pings under way on one link, and the round trip they show."""

import struct
from collections.abc import Callable
from typing import Final

_TAG: Final = struct.Struct(">Q")
_REMEMBERED: Final = 64

Answered = Callable[[float], object]


class Pings:
    """Times are seconds of the clock given."""

    __slots__ = ("_clock", "_tag", "_waiting", "rtt", "shortest")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tag = 0
        self._waiting: dict[bytes, tuple[float, Answered | None]] = {}
        self.rtt: float | None = None
        """The latest round trip; None before the first answer."""
        self.shortest = 0.0
        """The shortest round trip ever: the line without its queues. 0 if unknown."""

    def sent(self, answered: Answered | None = None) -> bytes:
        """A ping leaves now: the payload to send. The oldest is forgotten beyond 64."""
        self._tag += 1
        tag = _TAG.pack(self._tag)
        self._waiting[tag] = (self._clock(), answered)
        if len(self._waiting) > _REMEMBERED:
            del self._waiting[next(iter(self._waiting))]
        return tag

    def answered(self, tag: bytes) -> None:
        """A pong came; one that nobody waits for is ignored."""
        waiting = self._waiting.pop(tag, None)
        if waiting is None:
            return
        since, callback = waiting
        self.rtt = self._clock() - since
        self.shortest = min(self.shortest or self.rtt, self.rtt)
        if callback is not None:
            callback(self.rtt)
