"""A back end that writes nothing: it says what would be written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from .change import Backend, Json


@dataclass(frozen=True, slots=True)
class Step:
    """One write that would be made; None is absent."""

    key: str
    before: Json | None
    after: Json | None


class Rehearsal:
    """Reads through another back end, and keeps writes to itself (``steps``)."""

    def __init__(self, real: Backend) -> None:
        self._real = real
        self._written: dict[str, Json | None] = {}
        self.steps: list[Step] = []

    async def read(self, key: str) -> Json | None:
        """As it would be by now."""
        return self._written[key] if key in self._written else await self._real.read(key)

    async def write(self, key: str, value: Json | None, *, expected: Json | None) -> None:
        """See `change.Backend.write`; nothing is written."""
        self.steps.append(Step(key, expected, value))
        self._written[key] = value


def lines(steps: Iterable[Step]) -> list[str]:
    """``key: before -> after``, one line a step."""
    return [f"{step.key}: {_shown(step.before)} -> {_shown(step.after)}" for step in steps]


def _shown(value: Json | None) -> str:
    return "absent" if value is None else json.dumps(value, sort_keys=True)
