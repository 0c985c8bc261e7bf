"""Whether a regular expression is one that every proxy understands.

Envoy and Istio match by RE2 (https://github.com/google/re2/wiki/Syntax), which has neither looks
around nor back-references, so that no expression takes longer than its text is long. One that a
proxy can't read makes it refuse everybody's rules, not only the one at fault, so nothing doubtful
is let in: what remains is what RE2 and Python both know.
"""

import re
import warnings
from typing import Final

from ktconnect.errors import UsageError

LONGEST: Final = 1024
"""Characters of a value. Longer ones would crowd out the others in the one ConfigMap."""

MOST_REPEATS: Final = 1000  # RE2's limit of {n,m}

_TOKEN: Final = re.compile(
    r"""
    \\.                                   # an escape
    | \[\^?\]?(?:\\.|[^\]\\])*\]          # a class of characters
    | \(\?(?:P?<[A-Za-z_]|P=|<?[=!]|>|\(|\#|[A-Za-z-]+)
    | \{\d*,?\d*\}
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = frozenset("abfnrtvxdDsSwWBA")
_CLASS_ESCAPES: Final = frozenset("fnrtvxdDsSwW")
_FLAGS: Final = frozenset("imsU-")
_GROUPS: Final = {
    "(?=": "looks ahead",
    "(?!": "looks ahead",
    "(?<=": "looks behind",
    "(?<!": "looks behind",
    "(?P=": "refers back to a group",
    "(?>": "has an atomic group",
    "(?(": "has a conditional group",
    "(?#": "has a comment",
}


def check_regex(text: str, said: str) -> None:
    """Let ``text`` pass if RE2 and Python read it alike.

    Raises: UsageError, which begins with ``said``: where the user wrote it.
    """
    fault = _fault(text)
    if fault:
        raise UsageError(
            f"{said}: {text!r} {fault}",
            hint="proxies match by RE2: no looking around, no back-references, whole value",
        )


def _fault(text: str) -> str:
    """What is wrong with it, to follow its text; "" if nothing is."""
    tokens = _TOKEN.findall(text)
    for before, token in zip(["", *tokens], tokens, strict=False):
        if fault := _token_fault(before, token):
            return fault
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # sets within sets: they mean different things
            re.compile(text)
    except (re.error, FutureWarning, DeprecationWarning, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return ""


def _token_fault(before: str, token: str) -> str:
    if token in _GROUPS:
        return f"{_GROUPS[token]}, which RE2 can't"
    if token.startswith("(?") and token[2] not in "P<" and not set(token[2:]) <= _FLAGS:
        return f"has the flag {token[2:]!r}, which RE2 does not know"
    if token == "+" and _repeats(before):
        return "has a possessive repeat, which RE2 can't"
    if _repeats(token) and any(int(n) > MOST_REPEATS for n in re.findall(r"\d+", token)):
        return f"repeats more than {MOST_REPEATS} times, which RE2 can't"
    return _escape_fault(token)


def _repeats(token: str) -> bool:
    return token in ("*", "+", "?") or token.startswith("{")


def _escape_fault(token: str) -> str:
    known = _CLASS_ESCAPES if len(token) > 2 else _ESCAPES
    for letter in re.findall(r"\\(.)", token, re.DOTALL):
        if letter.isdecimal():
            return f"refers back to group {letter}, which RE2 can't"
        if letter.isalnum() and letter not in known:
            return f"has \\{letter}, which RE2 and Python don't read alike"
    return ""
