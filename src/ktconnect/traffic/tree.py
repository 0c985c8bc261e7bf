"""How two values of JSON differ, by paths: ``$.items[3].price``."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""What stands for a value that is not there, which null is not."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One place at which they differ; ``left`` and ``right`` are values, or ABSENT."""

    path: str
    left: Any
    right: Any


def differences(left: Any, right: Any, path: str = "$") -> Iterator[Leaf]:
    """Where they differ, in the order of ``left``. Numbers are equal by value, not by type.

    Members of lists are compared by their place.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        for key in (*left, *(key for key in right if key not in left)):
            yield from _pair(left.get(key, ABSENT), right.get(key, ABSENT), _member(path, key))
    elif isinstance(left, list) and isinstance(right, list):
        for index in range(max(len(left), len(right))):
            yield from _pair(_at(left, index), _at(right, index), f"{path}[{index}]")
    elif isinstance(left, bool) is not isinstance(right, bool) or left != right:
        yield Leaf(path, left, right)


def _pair(left: Any, right: Any, path: str) -> Iterator[Leaf]:
    if left is ABSENT or right is ABSENT:
        yield Leaf(path, left, right)
    else:
        yield from differences(left, right, path)


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else ABSENT


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if WORD.fullmatch(key) else f"{path}[{json.dumps(key)}]"
