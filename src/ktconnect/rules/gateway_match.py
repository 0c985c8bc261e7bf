"""A match as the Gateway API writes it (HTTPRouteMatch), and which of two rules wins there.

What every implementation compares is: a path, exact or by segments; headers and parameters,
exactly; the method. Regular expressions are each implementation's own affair ("Implementation
Specific"), so they are used only where it is known what they mean.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ktconnect.errors import UsageError

from .istio_match import cookies_regex, value_regex
from .model import Condition, Match

Manifest = dict[str, Any]

INSTEAD: Final = "`--mode router` can tell such requests apart"
TYPES: Final = {"exact": "Exact", "regex": "RegularExpression"}
ANY_PATH: Final = {"type": "PathPrefix", "value": "/"}


def route_match(match: Match, *, regex: bool = False) -> Manifest:
    """One match. ``regex``: the implementation matches by RE2, as a whole.

    Raises: UsageError for what the Gateway API can't compare, saying what.
    """
    found: Manifest = {}
    cookies = [one for one in match.conditions if one.part == "cookie"]
    if cookies:
        _check_regex("a cookie", allowed=regex)
        _add(found, "headers", "cookie", "regex", cookies_regex(cookies))
    for one in match.conditions:
        if one.part != "cookie":
            _say(found, one, regex=regex)
    return found


def _say(found: Manifest, one: Condition, *, regex: bool) -> None:
    match one.part:
        case "header" if one.name != "host":
            _add(found, "headers", one.name, *_value(one, f"header {one.name}", regex=regex))
        case "query":
            _add(found, "queryParams", one.name, *_value(one, "a parameter", regex=regex))
        case "method" if one.how == "exact":
            _set(found, "method", one.value)
        case "path" | "grpc":
            _set(found, "path", _path(one, regex=regex))
        case _:
            words = {"sni": "server name (SNI)", "header": "host"}
            raise UsageError(
                f"the Gateway API does not compare the {words.get(one.part, one.part)} like that "
                "inside a mesh",
                hint=INSTEAD,
            )


def _value(one: Condition, what: str, *, regex: bool) -> tuple[str, str]:
    """How it is compared, and with what; a prefix needs a regular expression."""
    if one.how == "exact":
        return "exact", one.value
    _check_regex(what, allowed=regex)
    return "regex", value_regex(one, ".*")


def _check_regex(what: str, *, allowed: bool) -> None:
    if not allowed:
        raise UsageError(
            f"the Gateway API compares {what} only exactly; what a regular expression means is "
            "left to each mesh",
            hint=f"an exact header, or {INSTEAD}",
        )


def _path(one: Condition, *, regex: bool) -> Manifest:
    """gRPC's path is ``/package.Service/Method``; a service's are below ``/package.Service``."""
    value = f"/{one.value}" if one.part == "grpc" else one.value
    if one.how == "prefix":
        return {"type": "PathPrefix", "value": value.rstrip("/") or "/"}
    if one.how == "regex":
        _check_regex("a path", allowed=regex)
    return {"type": TYPES[one.how], "value": value}


def _add(found: Manifest, part: str, name: str, how: str, value: str) -> None:
    wanted = {"type": TYPES[how], "name": name, "value": value}
    others = [each for each in found.get(part, ()) if each["name"] == name]
    if any(each != wanted for each in others):
        what = "header" if part == "headers" else "parameter"
        raise UsageError(f"the Gateway API compares the {what} {name} only once", hint=INSTEAD)
    if not others:
        found.setdefault(part, []).append(wanted)


def _set(found: Manifest, part: str, value: Any) -> None:
    if found.setdefault(part, value) != value:
        raise UsageError(f"the Gateway API compares the {part} only once", hint=INSTEAD)


def before(ours: Manifest, theirs: Iterable[Mapping[str, Any]]) -> Iterator[Manifest]:
    """Our match, and for each of theirs one that wants both.

    Of all rules for a Service the one with the longest path wins, then one with a method, then
    the one with the most headers, then parameters (HTTPRouteRule, "precedence"). So what wants
    theirs and ours wins over theirs alone, wherever both hold.
    """
    yield ours
    for each in theirs:
        both = _both(ours, each)
        if both is not None and both != ours:
            yield both


def _both(ours: Manifest, theirs: Mapping[str, Any]) -> Manifest | None:
    """None if no request can be both, or it can't be said."""
    path = _narrower(ours.get("path", ANY_PATH), theirs.get("path") or ANY_PATH)
    method = ours.get("method") or theirs.get("method")
    if path is None or theirs.get("method", method) != method:
        return None
    found: Manifest = {"path": path} | ({"method": method} if method else {})
    for part in ("headers", "queryParams"):
        every = {each["name"].lower(): each for each in theirs.get(part) or ()}
        for each in ours.get(part, ()):
            if _plain(every.setdefault(each["name"], each)) != _plain(each):
                return None
        if every:
            found[part] = list(every.values())
    return found


def _plain(each: Mapping[str, Any]) -> tuple[str, str]:
    return each.get("type") or "Exact", each["value"]


def _narrower(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Manifest | None:
    if ours == theirs:
        return dict(ours)
    for narrow, wide in ((ours, theirs), (theirs, ours)):
        if _type(wide) == "PathPrefix" and _is_below(narrow, wide["value"]):
            return dict(narrow)
    return None


def _type(path: Mapping[str, Any]) -> str:
    return str(path.get("type") or "PathPrefix")


def _is_below(path: Mapping[str, Any], wide: str) -> bool:
    """What a regular expression covers is known for the whole tree alone."""
    stem = wide.rstrip("/")
    if _type(path) == "RegularExpression":
        return not stem
    return re.match(rf"{re.escape(stem)}(/|$)", path["value"]) is not None
