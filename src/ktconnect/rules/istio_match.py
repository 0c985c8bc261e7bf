"""A match as Istio writes it (Istio, "Virtual Service", HTTPMatchRequest).

Istio compares each part of a request once: a header, a parameter, the path. Two wishes for the
same part can't be said, except for cookies, which share one header.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any, Final

from ktconnect.errors import UsageError

from .model import Condition, Match
from .request import GRPC

LONGEST: Final = 1024
"""Characters of a regular expression that Istio takes."""
COOKIES: Final = 3
"""Cookies in one match: they may be sent in any order, and all orders are written out."""
INSTEAD: Final = "`--mode router` can tell such requests apart"

Slot = tuple[str, str]


def http_match(match: Match, *, port: int = 0, authority: str = "") -> dict[str, Any]:
    """One match. ``port``: only requests for this port of the Service; 0: for any.

    ``authority``: a regular expression that the host must fit as well, where a rule is for
    several hosts.

    Raises: UsageError for what Istio can't compare, saying what.
    """
    found: dict[str, Any] = {"port": port} if port else {}
    if authority:
        _put(found, ("authority", ""), {"regex": authority})
    for slot, wanted in _wishes(match):
        _put(found, slot, wanted)
    return found


def _put(found: dict[str, Any], slot: Slot, wanted: dict[str, str]) -> None:
    """Say it where nothing else is said. Raises: UsageError."""
    part, name = slot
    holder = found.setdefault(part, {}) if name else found
    key = name or part
    if holder.get(key, wanted) != wanted:
        what = f"{_WORDS.get(part, part)} {name}".rstrip()
        raise UsageError(f"Istio compares the {what} of a request only once", hint=INSTEAD)
    if len(wanted.get("regex", "")) > LONGEST:
        raise UsageError(
            f"Istio takes regular expressions of {LONGEST} characters at most",
            hint="a shorter match, or `--mode router`",
        )
    holder[key] = wanted


_WORDS: Final = {
    "headers": "header",
    "queryParams": "parameter",
    "uri": "path",
    "authority": "host",
}


def _wishes(match: Match) -> Iterator[tuple[Slot, dict[str, str]]]:
    cookies = [one for one in match.conditions if one.part == "cookie"]
    if cookies:
        yield ("headers", "cookie"), {"regex": cookies_regex(cookies)}
    for one in match.conditions:
        if one.part != "cookie":
            yield from _wish(one)


def _wish(one: Condition) -> Iterator[tuple[Slot, dict[str, str]]]:
    plain: dict[str, str] = {one.how: one.value}
    match one.part:
        case "header":
            yield (("authority", "") if one.name == "host" else ("headers", one.name)), plain
        case "query":
            yield ("queryParams", one.name), plain
        case "method":
            yield ("method", ""), plain
        case "path":
            yield ("uri", ""), _path(one)
        case "grpc":
            yield ("uri", ""), _grpc(one)
            yield ("headers", "content-type"), {"prefix": GRPC}
        case _:
            raise UsageError(
                "Istio leads a connection by its server name (SNI) only if that is a host of the "
                "mesh, and would then turn all other names away",
                hint=INSTEAD,
            )


def _path(one: Condition) -> dict[str, str]:
    """A prefix is one of whole segments; Istio's own would take ``/apis`` for ``/api``, too."""
    stem = one.value.rstrip("/")
    if one.how != "prefix" or not stem:
        return {one.how: one.value}
    return {"regex": f"{re.escape(stem)}(/.*)?"}


def _grpc(one: Condition) -> dict[str, str]:
    """gRPC's path is ``/package.Service/Method`` (gRPC over HTTP2, "Requests")."""
    return {one.how: f"/(?:{one.value})" if one.how == "regex" else f"/{one.value}"}


def value_regex(one: Condition, rest: str) -> str:
    """A value as a regular expression of RE2; ``rest`` is what may follow a prefix."""
    if one.how == "regex":
        return f"(?:{one.value})"
    return re.escape(one.value) + (rest if one.how == "prefix" else "")


def cookies_regex(cookies: Iterable[Condition]) -> str:
    """What a Cookie header that has all of these must fit (RFC 6265 §4.2.1).

    Raises: UsageError for more than Istio can be told.
    """
    wanted = list(dict.fromkeys(cookies))
    if len(wanted) > COOKIES:
        raise UsageError(f"Istio can be told of {COOKIES} cookies at most", hint=INSTEAD)
    pairs = [f"{re.escape(one.name)}={value_regex(one, '[^;]*')}" for one in wanted]
    orders = [r";(?:.*;)?\s*".join(order) for order in permutations(pairs)]
    either = orders[0] if len(orders) == 1 else f"(?:{'|'.join(orders)})"
    return rf"(?:.*;\s*)?{either}(?:;.*)?"
