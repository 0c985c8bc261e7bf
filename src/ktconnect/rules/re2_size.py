"""How large a regular expression becomes where RE2 has compiled it.

RE2 writes out what is repeated: ``(a{30}){30}`` is 900 letters. Envoy's own limit is 100
instructions, that of Istio's proxies 32,768, that of a router `envoy.LARGEST_PATTERN`.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_WIDE: Final = 16
"""Instructions of what may be a letter of any language, as bytes of UTF-8."""


class Size(NamedTuple):
    """``instructions``, at most; ``repeats``: counted ones within each other, multiplied."""

    instructions: int
    repeats: int


def size_of(tokens: Iterable[str]) -> Size:
    """Of a whole expression whose parentheses are balanced."""
    levels: list[list[Size]] = [[]]
    for token in tokens:
        if token[0] == "(":
            levels.append([])
        elif token == ")":
            inner = _sum(levels.pop())
            levels[-1].append(inner)
        elif is_repeat(token) and levels[-1]:
            levels[-1].append(_repeated(levels[-1].pop(), token))
        else:
            levels[-1].append(Size(_instructions(token), 1))
    return _sum(levels[0])


def is_repeat(token: str) -> bool:
    """Whether it says how often the token before it may be there."""
    return token in ("*", "+", "?") or token[:1] == "{"


def _sum(parts: list[Size]) -> Size:
    instructions = sum(each.instructions for each in parts)
    return Size(instructions + 2, max((each.repeats for each in parts), default=1))


def _repeated(one: Size, token: str) -> Size:
    times = max((int(number) for number in re.findall(r"\d+", token)), default=1) or 1
    return Size((one.instructions + 1) * times, one.repeats * times)


def _instructions(token: str) -> int:
    if token[0] == "[":
        return _WIDE * (1 + len(re.findall(r"[^\x00-\x7f]|\\[DSW]", token))) + 2 * len(token)
    return _WIDE if token in (".", r"\D", r"\S", r"\W") else 2 * len(token.encode())
