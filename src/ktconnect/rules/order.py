"""Which rule is asked first, and where two sessions mean the same request.

Rules are asked in one order, for every driver and whoever computes it, and the first that holds
wins: (1) more conditions before fewer; (2) of as many, more exact ones, then more prefixes before
regular expressions; (3) longer values before shorter, so ``/api/v1`` before ``/api``; (4) the
session that was there first; (5) by the name of its Service; (6) as the session said them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Final

from ktconnect.errors import UsageError

from .holds import below, described, fits
from .match import check_match
from .model import Condition, Match, Share

_MARK: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

Specificity = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alternative of one session: where ``match`` holds, ``share`` gets the request."""

    share: Share
    match: Match


@dataclass(frozen=True, slots=True)
class Overlap:
    """Requests that two sessions mean: ``first`` gets them, ``second`` does not."""

    first: Rule
    second: Rule

    @property
    def why(self) -> str:
        """Why ``first`` is asked first, for a person."""
        return why_before(self.first, self.second)

    def __str__(self) -> str:
        one, other = self.first, self.second
        same = one.match == other.match
        what = described(one.match)
        both = what if same else f"{what} and {described(other.match)}"
        winner, loser = _who(one.share), _who(other.share)
        return f"where {both}, {winner} gets the request, not {loser}: {self.why}"


def ordered(shares: Iterable[Share]) -> tuple[Rule, ...]:
    """Every alternative of every session that gets requests now, in the order they are asked."""
    rules = (Rule(share, match) for share in shares if not share.leaving for match in share.matches)
    return tuple(sorted(rules, key=_place))


def specificity(match: Match) -> Specificity:
    """How narrow a match is; the greater is asked first."""
    hows = [one.how for one in match.conditions]
    length = sum(len(one.value) for one in match.conditions if one.how != "regex")
    return len(hows), hows.count("exact"), hows.count("prefix"), length


def why_before(first: Rule, second: Rule) -> str:
    """What decided between two rules, in words."""
    words = ("it has more conditions", "more of it is exact", "it has a prefix, not a pattern")
    mine, others = specificity(first.match), specificity(second.match)
    for word, one, other in zip((*words, "its values are longer"), mine, others, strict=True):
        if one != other:
            return word
    if first.share.since != second.share.since:
        return f"it was there first (since {first.share.since})"
    return f"of the same age, {first.share.service} comes before {second.share.service} by name"


def overlaps(share: Share, others: Iterable[Share]) -> tuple[Overlap, ...]:
    """Where ``share`` and one of ``others`` mean the same requests of the same port, one for each
    of the others. A mirror takes nothing from anybody, and nobody from it."""
    if share.kind == "mirror":
        return ()
    found = (_overlap(share, other) for other in others if _beside(share, other))
    return tuple(overlap for overlap in found if overlap is not None)


def unusable(share: Share) -> str:
    """Why a share can't be put into rules, for a person; "" if it can.

    A proxy refuses all rules for one that it can't read, so one session's must not get in.
    """
    if not _MARK.fullmatch(share.mark):
        return f"no header can say its mark {share.mark!r}"
    if not 0 <= share.percent <= 100:
        return f"{share.percent} is no share of a hundred"
    try:
        for match in share.matches:
            check_match(match)
    except UsageError as error:
        return str(error)
    return "" if share.matches else "it says of no request that it is meant"


def may_both_hold(one: Match, other: Match) -> bool:
    """Whether there may be a request that both mean. Of two patterns it is not known, so yes."""
    return not any(_apart(*pair) for pair in product(one.conditions, other.conditions))


def _place(rule: Rule) -> tuple[tuple[int, ...], str, str]:
    narrow = tuple(-number for number in specificity(rule.match))
    return narrow, rule.share.since, rule.share.service


def _beside(share: Share, other: Share) -> bool:
    same = share.service == other.service
    taking = other.kind == "mesh" and not other.leaving
    return taking and not same and bool(set(share.ports) & set(other.ports))


def _overlap(share: Share, other: Share) -> Overlap | None:
    pairs = product(share.matches, other.matches)
    both = [pair for pair in pairs if may_both_hold(*pair)]
    if not both:
        return None
    one, two = max(both, key=lambda pair: max(map(specificity, pair)))
    first, second = sorted((Rule(share, one), Rule(other, two)), key=_place)
    return Overlap(first, second)


def _who(share: Share) -> str:
    return f"{share.user} ({share.mark})"


def _apart(one: Condition, other: Condition) -> bool:
    """Whether no request can fulfil both."""
    one, other = _as_path(one), _as_path(other)
    if (one.part, one.name) != (other.part, other.name):
        return "sni" in (one.part, other.part)  # nothing else is seen of TLS
    if other.how == "exact":
        one, other = other, one
    if one.how == "exact":
        return not _fits(other, one.value)
    return one.how == other.how == "prefix" and not _nested(one, other)


def _as_path(one: Condition) -> Condition:
    """A method of gRPC is a path (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)."""
    return Condition("path", "", one.how, f"/{one.value}") if one.part == "grpc" else one


def _fits(one: Condition, value: str) -> bool:
    if one.part == "path" and one.how == "prefix":
        return below(one.value, value)
    if one.part == "sni":
        return one.value == value or _covers(one.value, value) or _covers(value, one.value)
    # A pattern is not tried: Python's may take for ever for one that RE2 does at once.
    return one.how == "regex" or fits(one.how, one.value, value)


def _nested(one: Condition, other: Condition) -> bool:
    if one.part == "path":
        return below(one.value, other.value) or below(other.value, one.value)
    return one.value.startswith(other.value) or other.value.startswith(one.value)


def _covers(pattern: str, name: str) -> bool:
    return pattern.startswith("*.") and name.endswith(pattern[1:])
