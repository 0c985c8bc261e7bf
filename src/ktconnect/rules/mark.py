"""``--versionMark``: the one header that makes a request a session's own."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ktconnect.errors import UsageError

from .match import parse_match
from .model import Condition, Match

DEFAULT_KEY: Final = "version"
ORIGIN: Final = "origin"
"""Who answers everybody else, as ``x-kt-served-by`` says it; so no session's mark."""

_KEY: Final = re.compile(r"[a-z][a-z0-9_-]*")  # KT Connect's
_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # as a label's value
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")  # RFC 1123
_LONGEST: Final = 63
_LONGEST_LABEL: Final = 30  # a Service's name is 63, and has its target's in it, too


ALLOWED: Final = (
    f"a mark has 1 to {_LONGEST} characters: letters (a-z, A-Z), digits, and - . _ between them"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """``key`` is the header's name, lower-case. ``warning``: what was not taken as said, or ""."""

    key: str
    value: str
    warning: str = ""

    @property
    def match(self) -> Match:
        """The header of that name, exactly that value."""
        return Match((Condition("header", self.key, "exact", self.value),))

    @property
    def header(self) -> str:
        """As KT Connect shows it: ``VERSION: ci``."""
        return f"{self.key.upper()}: {self.value}"

    @property
    def label(self) -> str:
        """The value as a part of objects' names: itself, or else something unique in its place,
        of 30 characters at most."""
        if _LABEL.fullmatch(self.value) and len(self.value) <= _LONGEST_LABEL:
            return self.value
        digest = hashlib.sha256(self.value.encode()).hexdigest()[:5]
        stem = re.sub(r"[^a-z0-9-]", "-", self.value.lower())
        return f"{stem[: _LONGEST_LABEL - 6].rstrip('-')}-{digest}"


def version_mark(text: str, letters: str) -> Mark:
    """What ``--versionMark`` means: ``value``, ``key:`` or ``key:value``.

    ``letters``: the value where none is said (five random lower-case letters, by the caller).
    A key that KT Connect would not take is replaced by ``version``, with its warning.
    Raises: UsageError for a value that can't be one.
    """
    key, colon, value = text.partition(":")
    if not colon:
        key, value = DEFAULT_KEY, text
    warning = ""
    if not _KEY.fullmatch(key):
        warning = f"--versionMark: {key!r} can't be a header's name here, {DEFAULT_KEY!r} is used"
        key = DEFAULT_KEY
    _check(value or letters)
    return Mark(key, value or letters, warning)


def alternatives(mark: Mark, matches: Iterable[str], *, marked: bool) -> tuple[Match, ...]:
    """What a session takes: each of ``--match``; the mark too if nothing else was said, or if it
    was asked for (``marked``). Raises: UsageError as `parse_match` does."""
    said = [parse_match(text) for text in matches]
    own = [mark.match] if marked or not said else []
    return tuple(dict.fromkeys([*own, *said]))


def _check(value: str) -> None:
    if not _VALUE.fullmatch(value) or len(value) > _LONGEST:
        raise UsageError(
            f"--versionMark: {value!r} can't mark a version",
            hint=ALLOWED,
        )
    if value.lower() == ORIGIN:
        raise UsageError(
            f"--versionMark: {value!r} is who answers everybody else", hint="choose another"
        )
