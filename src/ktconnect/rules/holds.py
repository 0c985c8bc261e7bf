"""Whether a request has what a rule wants; and if not, what is missing, for a person."""

import re
from collections.abc import Iterable

from .model import Condition, Match
from .request import Request


def holds(match: Match, request: Request) -> bool:
    """Whether every condition holds."""
    return not failing(match, request)


def any_holds(matches: Iterable[Match], request: Request) -> bool:
    """Whether one of them is enough."""
    return any(holds(match, request) for match in matches)


def failing(match: Match, request: Request) -> tuple[str, ...]:
    """The conditions that do not hold, each with what the request has instead."""
    return tuple(filter(None, (_failing(one, request) for one in match.conditions)))


def nearest(matches: Iterable[Match], request: Request) -> tuple[str, ...]:
    """What is missing of the match that is nearest to holding; () if one holds."""
    return min((failing(match, request) for match in matches), key=len, default=())


def fits(how: str, wanted: str, found: str) -> bool:
    """Whether a value is as wanted; a regular expression must match the whole."""
    if how == "exact":
        return found == wanted
    if how == "prefix":
        return found.startswith(wanted)
    try:
        return re.fullmatch(wanted, found) is not None
    except re.error:  # one of RE2 that Python does not know
        return False


def below(wanted: str, path: str) -> bool:
    """Whether a path is that one, or begins with its segments: ``/api`` holds ``/api/x``."""
    stem = wanted.rstrip("/")
    return path in (wanted, stem) or path.startswith(f"{stem}/")


def _failing(one: Condition, request: Request) -> str:
    found = _found(one, request)
    if found is not None and _as_wanted(one, found):
        return ""
    what = _named(one)
    if found is None:
        return f"{what} is missing, the rule wants {_wish(one)}"
    return f"{what} is {found!r}, the rule wants {_wish(one)}"


def _as_wanted(one: Condition, found: str) -> bool:
    if one.part == "path" and one.how == "prefix":
        return below(one.value, found)
    if one.part == "sni" and one.value.startswith("*."):
        return found.endswith(one.value[1:])
    return fits(one.how, one.value, found)


def _found(one: Condition, request: Request) -> str | None:
    """What the request has; TLS hides all but the server's name (RFC 6066 §3)."""
    if one.part == "sni" or request.tls:
        return request.host if request.tls and one.part == "sni" else None
    match one.part:
        case "header":
            return request.host if one.name == "host" else request.header(one.name)
        case "cookie":
            return request.cookie(one.name)
        case "query":
            return request.parameter(one.name)
        case "path":
            return request.path
        case "method":
            return request.method
        case _:
            return request.grpc or None


def _named(one: Condition) -> str:
    """As a person calls it: ``header VERSION``."""
    words = {"query": "parameter", "grpc": "gRPC method", "sni": "server name (SNI)"}
    word = words.get(one.part, one.part)
    return f"{word} {one.name.upper() if one.part == 'header' else one.name}".rstrip()


def _wish(one: Condition) -> str:
    words = {"exact": "", "prefix": "one that begins with ", "regex": "what matches "}
    return f"{words[one.how]}{one.value!r}"


def described(match: Match) -> str:
    """A match as a person says it: ``header VERSION is 'ci' and path begins with '/api'``."""
    words = {"exact": "is", "prefix": "begins with", "regex": "matches"}
    said = [f"{_named(one)} {words[one.how]} {one.value!r}" for one in match.conditions]
    return " and ".join(said) or "every request"
