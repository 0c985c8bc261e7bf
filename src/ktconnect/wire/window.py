"""Credit: how much may be under way on a stream. Plain arithmetic, no clock of its own.

The sender spends credit, the receiver gives it back for bytes that its local socket *accepted*,
so one stalled reader holds up its own stream and nothing else. The window tunes itself to the
bandwidth-delay product: a window that is used up faster than the line can answer is too small.
"""

import math
from typing import Final

from ktconnect.errors import ProtocolError

INITIAL: Final = 256 * 1024
"""Credit of a new stream in each direction; both ends know it, nothing is negotiated."""

MAXIMUM: Final = 8 * 1024 * 1024
"""The largest window a stream can grow to."""

SESSION_GROWTH: Final = 32 * 1024 * 1024
"""What all windows of a session together may grow beyond their initial size."""

SESSION_HELD: Final = 64 * 1024 * 1024
"""What a session keeps in memory for local sockets that don't take it."""

TIGHT: Final = 1.5
"""Round trips: a window used up faster than this is too small. One that lasts longer would only
make queues, and everybody else on the line would wait in them."""

SHORTEST: Final = 0.01
"""Seconds: a line that answers sooner counts as this long. Each frame of credit wakes every program
on the way, so on a fast and short line it may be for more bytes than are under way."""

_CREDIT_LIMIT: Final = 2**31


class Budget:
    """What the streams of one session share: room for growth, and memory for stalled readers."""

    __slots__ = ("growth", "held", "limit")

    def __init__(self, growth: int = SESSION_GROWTH, held: int = SESSION_HELD) -> None:
        self.growth = growth
        self.limit = held
        self.held = 0

    def grow(self, wanted: int) -> int:
        """Take up to ``wanted`` bytes of growth; how much was given."""
        given = min(wanted, self.growth)
        self.growth -= given
        return given

    def give_back(self, growth: int) -> None:
        """Return what ``grow`` gave: its stream is over."""
        self.growth += growth

    def hold(self, size: int) -> bool:
        """Account for ``size`` bytes kept in memory; False if the session has no room left."""
        if self.held + size > self.limit:
            return False
        self.held += size
        return True

    def release(self, size: int) -> None:
        """``size`` bytes are no longer kept."""
        self.held -= size


class SendWindow:
    """What we may still send on one stream."""

    __slots__ = ("_granted", "credit")

    def __init__(self, credit: int = INITIAL) -> None:
        self.credit = self._granted = credit

    @property
    def total(self) -> int:
        """Bytes sent since the stream began."""
        return self._granted - self.credit

    def grant(self, more: int) -> bool:
        """The peer allows ``more`` bytes; True if sending had come to a stop.

        Raises: ProtocolError if the sum is beyond anything a peer can mean.
        """
        stopped = self.credit <= 0
        self.credit += more
        self._granted += more
        if self.credit > _CREDIT_LIMIT:
            raise ProtocolError("more credit than a window can have")
        return stopped and more > 0


class ReceiveWindow:
    """What the peer may still send on one stream, and when it gets more."""

    __slots__ = ("_accepted", "_budget", "_credit", "_granted", "_used", "_used_since", "size")

    def __init__(self, budget: Budget, size: int = INITIAL) -> None:
        self.size = size
        self._budget = budget
        self._credit = self._granted = size
        self._accepted = 0
        self._used = 0
        self._used_since = -math.inf

    @property
    def total(self) -> int:
        """Bytes that arrived since the stream began."""
        return self._granted - self._credit

    def received(self, size: int) -> None:
        """The peer sent ``size`` bytes.

        Raises: ProtocolError if it had no credit for them.
        """
        self._credit -= size
        if self._credit < 0:
            raise ProtocolError("data beyond the window")

    def accepted(self, size: int, now: float, rtt: float) -> int:
        """The local socket took ``size`` bytes; the credit to send to the peer now (0: not yet).

        ``now`` and ``rtt`` are seconds. Credit is given in quarters of the window; in halves on a
        line so short that the other half, which lasts for ``TIGHT`` times ``SHORTEST`` / 2, bridges
        it.
        """
        self._accepted += size
        self._used += size
        if self._accepted < self.size >> (1 if rtt < SHORTEST / 2 else 2):
            return 0
        grant = self._accepted + self._growth(now, rtt)
        self._accepted = 0
        self._credit += grant
        self._granted += grant
        return grant

    def _growth(self, now: float, rtt: float) -> int:
        """Double a window that was used up in less than ``TIGHT`` round trips (or ``SHORTEST``).

        Measured from the end of the window before: a whole one may arrive in a single read.
        """
        if self._used < self.size:
            return 0
        took, self._used, self._used_since = now - self._used_since, 0, now
        if took >= TIGHT * max(rtt, SHORTEST):
            return 0
        given = self._budget.grow(min(self.size, MAXIMUM - self.size))
        self.size += given
        return given

    def close(self) -> None:
        """Give the growth back to the session. Once only."""
        self._budget.give_back(self.size - INITIAL)
        self.size = INITIAL
