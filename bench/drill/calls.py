"""What the callers saw, and what it comes to. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LAPTOP = "laptop"


@dataclass(frozen=True)
class Call:
    """One request: when it began (seconds since the epoch), how long it took, who answered."""

    began: float
    seconds: float
    by: str
    failure: str = ""

    @property
    def ended(self) -> float:
        return self.began + self.seconds


@dataclass(frozen=True)
class Outcome:
    """One death, as the callers met it. Seconds; None for what did not come about."""

    calls: int
    failed: int
    """Of the calls that nobody had begun to answer: all but those that were ``cut``."""
    cut: int
    """Calls that the laptop had accepted and not yet answered when it died."""
    longest: float
    answered: float | None
    """From the death until the first answer of somebody else."""
    restored: float | None
    """From the death until the Service was as before."""
    ready: float
    """From the command's start until it was ready."""


def parse(line: str) -> Call:
    """A line of ``callers.py``."""
    began, seconds, by, *failure = line.split()
    return Call(float(began), float(seconds), "" if by == "-" else by, " ".join(failure))


def outcome(
    calls: Sequence[Call], *, died: float, dead: float, restored: float | None, ready: float
) -> Outcome:
    """What a death meant that began at ``died`` and was done by ``dead``: a cable is cut by a
    command that takes its time. ``restored``: when the Service was as before."""
    cut = sum(is_cut(call, dead) for call in calls)
    return Outcome(
        calls=len(calls),
        failed=sum(bool(call.failure) for call in calls) - cut,
        cut=cut,
        longest=max((call.seconds for call in calls), default=0.0),
        answered=first_answer(calls, died),
        restored=None if restored is None else restored - died,
        ready=ready,
    )


def first_answer(calls: Iterable[Call], died: float) -> float | None:
    """Seconds from the death until anybody but the laptop answered."""
    ends = [call.ended for call in calls if call.by not in ("", LAPTOP) and call.ended > died]
    return min(ends) - died if ends else None


def is_cut(call: Call, dead: float) -> bool:
    """Whether it was under way when the laptop died, and fell with it."""
    return bool(call.failure) and call.began <= dead


def failures(calls: Iterable[Call], died: float) -> str:
    """What failed, how often, and when each kind was first and last met, from the death on."""
    kinds: dict[str, list[float]] = {}
    for call in calls:
        if call.failure:
            kinds.setdefault(call.failure, []).append(call.began - died)
    return ", ".join(
        f"{len(times)} {kind} of calls begun at {min(times):+.1f} to {max(times):+.1f} s"
        for kind, times in kinds.items()
    )
