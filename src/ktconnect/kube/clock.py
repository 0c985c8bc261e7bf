"""The API server's time, read off its answers, so that two laptops' clocks are never compared."""

import time
from collections.abc import Callable


def since_boot() -> float:
    """A clock that nobody sets and that goes on while the laptop is suspended."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class ServerClock:
    """What the server's clock says now, from the last ``Date`` header and the time since.

    A ``Date`` has whole seconds, so the result may be up to a second (and the answer's way) late.
    """

    def __init__(self, monotonic: Callable[[], float] = since_boot) -> None:
        self._monotonic = monotonic
        self._offset: float | None = None
        self._heard_at = 0.0

    def heard(self, date: float) -> None:
        """Take in a ``Date`` header, as seconds since the epoch; 0 for an answer without one."""
        if date:
            self._heard_at = self._monotonic()
            self._offset = date - self._heard_at

    @property
    def age(self) -> float:
        """Seconds since the server's clock was last heard; endless if never."""
        return float("inf") if self._offset is None else self._monotonic() - self._heard_at

    def now(self) -> float:
        """Seconds since the epoch by the server's clock.

        Raises: LookupError when no answer was heard yet.
        """
        if self._offset is None:
            raise LookupError("the server's clock was not heard yet")
        return self._monotonic() + self._offset
