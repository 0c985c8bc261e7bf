"""A request that a session means, made up from what it says. Pure."""

from collections.abc import Iterable

from .holds import holds
from .model import Condition, Match
from .request import Request

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110 §9.2.1)."""


def sample(matches: Iterable[Match]) -> Request | None:
    """The first that can be made up, with a method that changes nothing; None: there is none.

    Of a pattern only itself is tried, as one that it may match.
    """
    for match in matches:
        request = _request(match.conditions)
        if request.method in SAFE and holds(match, request):
            return request
    return None


def _request(conditions: Iterable[Condition]) -> Request:
    method, path = "GET", "/"
    headers: list[tuple[str, str]] = []
    query: list[tuple[str, str]] = []
    cookies: list[str] = []
    for one in conditions:
        if one.part == "header":
            headers.append((one.name, one.value))
        elif one.part == "cookie":
            cookies.append(f"{one.name}={one.value}")
        elif one.part == "query":
            query.append((one.name, one.value))
        elif one.part == "path":
            path = one.value
        elif one.part == "method":
            method = one.value
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    return Request(method, path, tuple(query), tuple(headers))
