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

from .re2_size import is_repeat, size_of

LONGEST: Final = 1024
"""Characters of a value. Longer ones would crowd out the others in the one ConfigMap."""

MOST_REPEATS: Final = 1000  # RE2's limit of {n,m}, and of their product where they are nested
MOST_INSTRUCTIONS: Final = 30_000  # Istio's proxies take 32,768, and ours are put around it

_TOKEN: Final = re.compile(
    r"""
    \\.                                   # an escape
    | \[\^?\]?(?:\\.|[^\]\\])*\]          # a class of characters
    | \(\?(?:P<[^>]*>|P=|<?[=!]|>|\(|\#|:|[A-Za-z-]+)
    | \{\d*,?\d*\}
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = frozenset("abfnrtvxdDsSwWBA")
_CLASS_ESCAPES: Final = frozenset("fnrtvxdDsSwW")
_FLAGS: Final = frozenset("ims-:")
_NAMED: Final = re.compile(r"\(\?P<[A-Za-z_][A-Za-z0-9_]*>")
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
    return _size_fault(tokens)


def _size_fault(tokens: list[str]) -> str:
    size = size_of(tokens)
    if size.repeats > MOST_REPEATS:
        return f"repeats more than {MOST_REPEATS} times, one repeat within another, as RE2 can't"
    if size.instructions > MOST_INSTRUCTIONS:
        return "becomes larger than proxies take, with all that it repeats"
    return ""


def _token_fault(before: str, token: str) -> str:
    if token in _GROUPS:
        return f"{_GROUPS[token]}, which RE2 can't"
    if token.startswith("(?P"):
        return "" if _NAMED.fullmatch(token) else "has a group whose name is not of a-z, 0-9, _"
    if token.startswith("(?") and not set(token[2:]) <= _FLAGS:
        return f"has the flag {token[2:]!r}, which RE2 does not know"
    if token == "+" and is_repeat(before):
        return "has a possessive repeat, which RE2 can't"
    if token.startswith("{,"):
        return "has a repeat without its least number, which is plain text to RE2"
    if is_repeat(token) and any(int(n) > MOST_REPEATS for n in re.findall(r"\d+", token)):
        return f"repeats more than {MOST_REPEATS} times, which RE2 can't"
    return _escape_fault(token)


def _escape_fault(token: str) -> str:
    known = _CLASS_ESCAPES if len(token) > 2 else _ESCAPES
    for letter in re.findall(r"\\(.)", token, re.DOTALL):
        if letter.isdecimal():
            return f"refers back to group {letter}, which RE2 can't"
        if letter.isalnum() and letter not in known:
            return f"has \\{letter}, which RE2 and Python don't read alike"
    return ""
