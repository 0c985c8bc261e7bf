"""Exchanges as HAR 1.2, the format in which browsers save what they saw.

http://www.softwareishard.com/blog/har-12-spec/. Fields that begin with ``_`` are ours, which the
format allows: ``_laptop`` is what the laptop answered to the same request, ``_trailers`` are the
headers after a body.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from .bodies import media_type, plain, text_of
from .exchange import Answer, Body, Exchange, Headers, Request, header
from .secrets import masked

Row = Mapping[str, Any]

TAIL: Final = b"\n]}}\n"
"""What makes a file whole that ends after an entry."""


def opening(version: str) -> bytes:
    """A file without an entry, TAIL included."""
    creator = json.dumps({"name": "ktctl", "version": version})
    return b'{"log":{"version":"1.2","creator":%s,"entries":[' % creator.encode() + TAIL


def more(entry: Row, *, first: bool) -> bytes:
    """What is written over the TAIL, so that the file is whole again with one entry more."""
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    comma = b"\n" if first else b",\n"
    return comma + text.encode("utf-8", "backslashreplace") + TAIL


def entry_of(
    seen: Exchange, laptop: Answer | None = None, *, by: str = "origin", secrets: bool = False
) -> Row:
    """One entry. ``by``: who gave the answer. With ``secrets``, credentials and cookies too."""
    entry: dict[str, Any] = {
        "startedDateTime": _moment(seen.began),
        "time": _milliseconds(seen),
        "request": _request(seen.request, secrets=secrets),
        "response": _response(seen.answer, seen.failure, secrets=secrets),
        "cache": {},
        "timings": _timings(seen),
        "_answeredBy": by,
    }
    if laptop is not None:
        entry["_laptop"] = _response(laptop, "", secrets=secrets)
    return entry


def _timings(seen: Exchange) -> Row:
    """What a name, a connection and TLS took is not seen: -1. The format has no such value for the
    rest, which it wants to be 0 at least; a comment says where they are not known."""
    rest = {"send": 0, "wait": _milliseconds(seen), "receive": 0}
    comment = {} if seen.seconds else {"comment": "not known"}
    return {"blocked": -1, "dns": -1, "connect": -1, **rest, "ssl": -1, **comment}


def _milliseconds(seen: Exchange) -> float:
    return round(seen.seconds * 1000, 3)


def _moment(posix: float) -> str:
    return datetime.fromtimestamp(posix, UTC).isoformat(timespec="milliseconds")


def _request(request: Request, *, secrets: bool) -> Row:
    url = _url(request)
    told: dict[str, Any] = {
        "method": request.method,
        "url": url,
        "httpVersion": request.version,
        "cookies": [],
        "headers": _pairs(request.headers, secrets=secrets),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": request.body.size,
    }
    if request.body.size:
        kind = header(request.headers, "content-type")
        told["postData"] = {"mimeType": kind, **_content(request.headers, request.body)}
    return told


def _response(answer: Answer | None, failure: str, *, secrets: bool) -> Row:
    """Browsers write status 0 where no answer came."""
    known = answer or Answer(0)
    told: dict[str, Any] = {
        "status": known.status,
        "statusText": known.reason,
        "httpVersion": known.version,
        "cookies": [],
        "headers": _pairs(known.headers, secrets=secrets),
        "content": {
            "size": known.body.size,
            "mimeType": media_type(known.headers) or "x-unknown",
            **_content(known.headers, known.body),
        },
        "redirectURL": header(known.headers, "location"),
        "headersSize": -1,
        "bodySize": known.body.size,
    }
    if known.trailers:
        told["_trailers"] = _pairs(known.trailers, secrets=secrets)
    return told if answer is not None else {**told, "_error": failure}


def _content(headers: Headers, body: Body) -> Row:
    """The body as text without its coding; in base64, as it was sent, where it is no text."""
    cut = {"_cut": True} if body.is_cut else {}
    data = plain(headers, body)
    text = None if data is None else text_of(headers, data)
    if text is not None:
        return {"text": text, **cut}
    return {"text": base64.b64encode(data or body.data).decode(), "encoding": "base64", **cut}


def _pairs(headers: Headers, *, secrets: bool) -> list[Row]:
    shown = headers if secrets else masked(headers)
    return [{"name": name, "value": value} for name, value in shown]


def _url(request: Request) -> str:
    """HAR has whole URLs. What was inside of TLS is not known here: ``http``."""
    if "://" in request.target.partition("?")[0]:
        return request.target
    return f"http://{header(request.headers, 'host') or 'unknown'}{request.target}"
