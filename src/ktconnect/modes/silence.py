"""A Pod that Kubernetes calls ready and that nobody can reach: for how long already. Pure."""

from dataclasses import dataclass
from typing import Self

HUNG = 60.0
"""Seconds after which a Pod that is ready, and does not answer, is taken to have hung."""

GAP = 45.0
"""Seconds between two failures that are still one silence: a try and the pause before it."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Of one Pod, from the first failure to reach it to the last one (monotonic seconds)."""

    uid: str
    since: float
    last: float

    @classmethod
    def goes_on(cls, uid: str, now: float, before: Self | None) -> Self:
        """It could not be reached now either; ``before`` is what was known until then."""
        if before is None or before.uid != uid or now - before.last > GAP:
            return cls(uid, now, now)
        return cls(uid, before.since, now)

    @property
    def seconds(self) -> float:
        """How long it has been silent."""
        return self.last - self.since
