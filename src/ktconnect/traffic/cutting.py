"""The part of two long values in which they begin to differ."""

from typing import Final

BEFORE: Final = 4
"""One part in so many of what is shown stands before the first difference, where it is far in."""


def window(one: str | bytes, two: str | bytes, longest: int) -> slice:
    """At most ``longest`` of both, with the first difference in it: from the beginning on, if that
    shows it and something of what follows."""
    at, before = _first_difference(one, two), longest // BEFORE
    last = max(len(one), len(two)) - longest  # from there on all is shown
    start = max(0, min(at - before, last)) if at + before > longest else 0
    return slice(start, start + longest)


def cut(text: str, part: slice) -> str:
    """That part, with ``…`` on each side where there is more."""
    before, after = ("…" if more else "" for more in (text[: part.start], text[part.stop :]))
    return f"{before}{text[part]}{after}"


def _first_difference(one: str | bytes, two: str | bytes) -> int:
    """By halves: comparing slices is quick, also where a body is long."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
