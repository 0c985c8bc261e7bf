"""Which requests a tap shows: those that a session asks for, and perhaps some more.

What is shown is streamed to a laptop, so a busy Service's other requests are kept out. Whoever
reads it looks for the requests that it knows; a condition that a tap can't tell costs bytes alone.
"""

from collections.abc import Iterable

from .envoy_parts import Json
from .model import Condition, Match


def tap_match(matches: Iterable[Match]) -> Json:
    """A ``envoy.config.common.matcher.v3.MatchPredicate``: any of the matches."""
    found = [_all_of(match) for match in matches]
    if any(each is None for each in found):
        return {"any_match": True}
    several = [each for each in found if each is not None]
    return several[0] if len(several) == 1 else {"or_match": {"rules": several}}


def _all_of(match: Match) -> Json | None:
    """None: every request may be meant."""
    headers = [found for one in match.conditions if (found := _header(one)) is not None]
    return {"http_request_headers_match": {"headers": headers}} if headers else None


def _header(one: Condition) -> Json | None:
    """As ``envoy.config.route.v3.HeaderMatcher``; None where it takes more than that."""
    match one.part:
        case "header":
            return {"name": one.name, "string_match": _string(one)}
        case "method":
            return {"name": ":method", "string_match": _string(one)}
        case "grpc":
            return {"name": ":path", "string_match": {"prefix": f"/{one.value}"}}
        case "path" if one.how == "regex":
            return None
        case "path":
            return {"name": ":path", "string_match": {"prefix": one.value.rstrip("/") or "/"}}
        case _:
            return None


def _string(one: Condition) -> Json:
    if one.how == "regex":
        return {"safe_regex": {"regex": one.value}}
    return {one.how: one.value}
