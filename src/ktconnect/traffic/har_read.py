"""Reading HAR, by whomever it was written: `ktctl mirror --record`, browsers, other proxies."""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ktconnect.errors import UsageError

from .exchange import Answer, Body, Exchange, Headers, Request

Row = Mapping[str, Any]

DROPPED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""HAR has bodies without coding and framing, whatever the headers say."""

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)
"""What an entry that is none raises; the last two a time that no calendar has."""

ASCII = "".join(map(chr, range(0x21, 0x7F)))
"""What a request line may have as it is; all else is percent-encoded (RFC 3986 §2.1)."""


def read_har(text: str) -> tuple[Exchange, ...]:
    """The exchanges, in the order in which they began.

    One that does not say when began with that before it, the first ones with the next that does.
    Raises: UsageError for what is no HAR, naming the entry that can't be read.
    """
    try:
        entries = json.loads(text.removeprefix("\ufeff"))["log"]["entries"]
    except ValueError as error:
        raise _bad(f"it is no JSON: {error}") from None
    except RecursionError:
        raise _bad("it is nested too deeply") from None
    except (KeyError, TypeError):
        raise _bad("it has no log.entries") from None
    if not isinstance(entries, list):
        raise _bad("its log.entries is no list")
    found = [_exchange(number, entry) for number, entry in enumerate(entries, 1)]
    return tuple(sorted(_timed(found), key=lambda each: each.began))


def _timed(found: list[Exchange]) -> Iterable[Exchange]:
    began = next((each.began for each in found if not math.isnan(each.began)), 0.0)
    for each in found:
        began = began if math.isnan(each.began) else each.began
        yield replace(each, began=began)


def _bad(why: str) -> UsageError:
    return UsageError(
        f"this can't be read as HAR: {why}",
        hint="`ktctl mirror SERVICE --record FILE.har` writes such files, and browsers do",
    )


def _exchange(number: int, entry: Row) -> Exchange:
    try:
        response = entry.get("response") or {}
        return Exchange(
            _request(entry["request"]),
            _answer(response),
            _moment(str(entry.get("startedDateTime") or "")),
            float(entry.get("time") or 0) / 1000,
            _text(response.get("_error") or ""),
        )
    except UNREADABLE as error:
        raise _bad(_text(f"entry {number}: {type(error).__name__} {error}")) from None


def _request(said: Row) -> Request:
    url = urlsplit(_text(said["url"]))
    query = f"?{url.query}" if url.query else ""
    target = quote(f"{url.path or '/'}{query}", safe=ASCII)
    headers = _headers(said.get("headers") or ())
    if not any(name.lower() == "host" for name, _ in headers):
        headers = (("Host", url.netloc.rpartition("@")[2]), *headers)
    body = _body(said.get("postData") or {})
    return Request(_text(said["method"]), target, headers, body)


def _answer(said: Row) -> Answer | None:
    if not said.get("status"):
        return None
    return Answer(
        int(said["status"]),
        _headers(said.get("headers") or ()),
        _body(said.get("content") or {}),
        _text(said.get("statusText") or ""),
        trailers=_headers(said.get("_trailers") or ()),
    )


def _headers(said: Iterable[Row]) -> Headers:
    """Those of HTTP/1.1: browsers write ``:authority`` and its like, too (RFC 9113 §8.3)."""
    pairs = ((_text(each["name"]), _text(each["value"])) for each in said)
    return tuple(pair for pair in pairs if pair[0][:1] != ":" and pair[0].lower() not in DROPPED)


def _body(said: Row) -> Body:
    data = _data(said)
    if said.get("_cut"):
        return Body(data, len(data) + 1)
    return Body.whole(data)


def _data(said: Row) -> bytes:
    """A form may be told by its fields alone."""
    text = said.get("text")
    if text is None:
        fields = [(each["name"], each.get("value", "")) for each in said.get("params") or ()]
        return urlencode(fields).encode()
    if said.get("encoding") == "base64":
        return base64.b64decode(text)
    return _text(text).encode()


def _text(value: Any) -> str:
    """JSON may have halves of letters (RFC 8259 §8.2), which nobody can send or show."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _moment(text: str) -> float:
    """POSIX seconds; NaN if it does not say."""
    return datetime.fromisoformat(text).timestamp() if text else math.nan
