"""Which of the recorded requests are sent again, and as what."""

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qsl

from ktconnect.rules.holds import any_holds
from ktconnect.rules.model import Match
from ktconnect.rules.request import Request as Asked
from ktconnect.traffic.asking import readable, replaced
from ktconnect.traffic.exchange import Exchange, Headers, Request, header
from ktconnect.traffic.secrets import is_masked

SWITCHING = 101
"""The status of what goes on as something else than HTTP (RFC 9110 §15.2.2)."""


def chosen(seen: Iterable[Exchange], filters: tuple[Match, ...]) -> tuple[Exchange, ...]:
    """Those that pass the filters and can be sent: no WebSockets, no CONNECT."""
    return tuple(
        each
        for each in seen
        if not _is_other(each) and (not filters or any_holds(filters, asked(each.request)))
    )


def again(request: Request, headers: Headers) -> Request:
    """The request to send: with ``headers`` of the user's, without what is not known of it.

    Content codings that we can't undo are not asked for: answers could not be compared.
    """
    kept = tuple(pair for pair in request.headers if not is_masked(pair[1]))
    kept = readable(kept)
    for name, value in headers:
        kept = replaced(kept, name, value)
    return replace(request, headers=kept)


def secrets_missing(seen: Iterable[Exchange], headers: Headers) -> tuple[str, ...]:
    """Names of the headers that were not recorded, and are not given by ``headers``."""
    given = {name.lower() for name, _ in headers}
    missing = {
        name.lower()
        for each in seen
        for name, value in each.request.headers
        if is_masked(value) and name.lower() not in given
    }
    return tuple(sorted(missing))


def asked(request: Request) -> Asked:
    """The request as rules see it."""
    path, _, query = request.target.partition("?")
    return Asked(
        request.method,
        path,
        tuple(parse_qsl(query, keep_blank_values=True)),
        tuple((name.lower(), value) for name, value in request.headers),
        header(request.headers, "host"),
    )


def _is_other(seen: Exchange) -> bool:
    switched = seen.answer is not None and seen.answer.status == SWITCHING
    return switched or seen.request.method == "CONNECT"
