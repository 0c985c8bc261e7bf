"""When a tunnel worries: intervals in seconds, back-off, and the judgement on a silent link."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

OVERSLEPT: Final = 3
"""Ticks that may be missed before we take it that it was us who slept."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds. A dead link is noticed ``silence`` + ``tick`` after its last sign of life."""

    tick: float = 0.5
    ping: float = 2.0
    stall: float = 3.0
    """Silence after which a link is called stalled."""
    silence: float = 5.0
    """Silence after which a link is lost."""
    attempt: float = 10.0
    """How long getting and greeting a pipe may take."""
    retry_first: float = 0.2
    retry_longest: float = 5.0


class Beat(Enum):
    """What a tick means for a link."""

    FINE = "fine"
    STALLED = "stalled"
    LOST = "lost"


class Pulse:
    """Watches one link. The caller ticks; a tick that comes late is our own sleep (SIGSTOP, a
    suspended laptop), and the time slept is not held against the peer."""

    __slots__ = ("_awake", "_pinged", "_ticked", "_timing")

    def __init__(self, timing: Timing, now: float) -> None:
        self._timing = timing
        self._ticked = self._pinged = self._awake = now

    def tick(self, now: float, heard: float) -> Beat:
        """Judge a link that was last heard of at ``heard``."""
        if now - self._ticked > OVERSLEPT * self._timing.tick:
            self._awake = now
            self._pinged = now - self._timing.ping
        self._ticked = now
        silent = now - max(heard, self._awake)
        if silent >= self._timing.silence:
            return Beat.LOST
        return Beat.STALLED if silent >= self._timing.stall else Beat.FINE

    def ping_due(self, now: float) -> bool:
        """It is time for a ping; the next one is due an interval later."""
        if now - self._pinged < self._timing.ping:
            return False
        self._pinged = now
        return True


class Backoff:
    """Delays that double, with jitter; the first try after a success is immediate."""

    __slots__ = ("_delay", "_timing")

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._delay = 0.0

    def succeeded(self) -> None:
        """Begin again at no delay."""
        self._delay = 0.0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        import random  # the agent, which never tries, does without its memory

        delay = self._delay
        longer = max(2 * delay, self._timing.retry_first)
        self._delay = min(longer, self._timing.retry_longest)
        return delay * random.uniform(0.75, 1.0)
