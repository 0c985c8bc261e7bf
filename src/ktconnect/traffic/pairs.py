"""Which answer of the origin belongs to which of the laptop: by ``X-Request-Id``."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from .exchange import Exchange, header

Side = Literal["origin", "laptop"]

PATIENCE: Final = 60.0
"""Seconds that the other answer may take to come."""

MOST: Final = 64 * 1024 * 1024
"""Bytes of either side that are kept waiting; the oldest give way."""

ALONE: Final = 2048
"""Bytes that an exchange is taken to have without its bodies."""


@dataclass(frozen=True, slots=True)
class Pair:
    """``origin`` is None where only the laptop's answer was seen."""

    origin: Exchange | None
    laptop: Exchange


class Pairs:
    """Both sides as they come, in any order. ``now`` of every method: any clock's seconds."""

    def __init__(self) -> None:
        self._waiting: dict[Side, OrderedDict[str, list[tuple[float, Exchange]]]] = {
            "origin": OrderedDict(),
            "laptop": OrderedDict(),
        }
        self._held: dict[Side, int] = {"origin": 0, "laptop": 0}

    def seen(self, side: Side, exchange: Exchange, now: float) -> Iterator[Pair]:
        """One more. Yields the pair that it makes, and those that have waited for too long.

        Origins that no laptop was asked about are none of our business, and are forgotten.
        """
        key = header(exchange.request.headers, "x-request-id")
        other = self._take("laptop" if side == "origin" else "origin", key)
        if other is None:
            self._waiting[side].setdefault(key, []).append((now, exchange))
            self._held[side] += _weight(exchange)
        elif side == "origin":
            yield Pair(exchange, other)
        else:
            yield Pair(other, exchange)
        yield from self.late(now)

    def late(self, now: float) -> Iterator[Pair]:
        """What has waited for too long, or is too much."""
        yield from self._late("laptop", now - PATIENCE)
        for _ in self._late("origin", now - PATIENCE):
            pass

    def rest(self) -> Iterator[Pair]:
        """Everything that waits, at the end."""
        yield from self._late("laptop", float("inf"))

    def _take(self, side: Side, key: str) -> Exchange | None:
        return self._first(side, key) if key and key in self._waiting[side] else None

    def _first(self, side: Side, key: str) -> Exchange:
        """Take out the oldest of that name."""
        found = self._waiting[side][key]
        _, exchange = found.pop(0)
        self._held[side] -= _weight(exchange)
        if not found:
            del self._waiting[side][key]
        return exchange

    def _late(self, side: Side, before: float) -> Iterator[Pair]:
        waiting = self._waiting[side]
        while waiting:
            key = next(iter(waiting))
            since, _ = waiting[key][0]
            if since > before and self._held[side] <= MOST:
                return
            yield Pair(None, self._first(side, key))


def _weight(exchange: Exchange) -> int:
    answered = len(exchange.answer.body.data) if exchange.answer is not None else 0
    return ALONE + len(exchange.request.body.data) + answered
