"""What Envoy's tap filter tells of requests and answers, as it comes (``envoy.data.tap.v3``).

https://www.envoyproxy.io/docs/envoy/latest/operations/traffic_tapping. One JSON object after the
other, over many lines each.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from .exchange import Answer, Body, Exchange, Headers, Request, header, regular

Row = Mapping[str, Any]

END: Final = b"\n}\n"
"""Only what ends a trace stands at the beginning of a line."""

SPENT: Final = "x-envoy-upstream-service-time"
"""Milliseconds that the answer took, of Envoy's making; not every Envoy says it."""

RECEIVED: Final = "headers_received_time"
"""When the headers came, of request and answer; where the filter is told to say it."""


class Traces:
    """The stream of one tap."""

    def __init__(self) -> None:
        self._rest = b""

    def more(self, data: bytes, now: float) -> Iterator[Exchange]:
        """The exchanges that are whole with these bytes; ``now``: POSIX time, in seconds.

        What can't be read is passed over: the next one may well be.
        """
        *whole, self._rest = (self._rest + data).split(END)
        for text in whole:
            exchange = _exchange(text + END, now)
            if exchange is not None:
                yield exchange


def _exchange(text: bytes, now: float) -> Exchange | None:
    try:
        trace = json.loads(text)["http_buffered_trace"]
        request, answer = _request(trace["request"]), _answer(trace.get("response") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    seconds = _spent(trace, answer) if answer is not None else 0.0
    failure = "" if answer is not None else "the origin did not answer"
    return Exchange(request, answer, now - seconds, seconds, failure)


def _spent(trace: Row, answer: Answer) -> float:
    """Seconds until the answer had begun; 0 if that is not said."""
    try:
        began, told = (_moment(trace[each][RECEIVED]) for each in ("request", "response"))
    except (ValueError, KeyError, TypeError):
        spent = header(answer.headers, SPENT)
        return int(spent) / 1000 if spent.isdecimal() else 0.0
    return max(0.0, (told - began).total_seconds())


def _moment(text: str) -> datetime:
    """``2026-01-31T12:00:00.123456789Z``, as Protocol Buffers write it. Raises: ValueError."""
    return datetime.fromisoformat(text)


def _request(said: Row) -> Request:
    pairs = _pairs(said)
    headers = regular(pairs)
    return Request(header(pairs, ":method"), header(pairs, ":path"), headers, _body(said, headers))


def _answer(said: Row) -> Answer | None:
    pairs = _pairs(said)
    status = header(pairs, ":status")
    if not status:
        return None
    headers = regular(pairs)
    trailers = _pairs(said, "trailers")
    return Answer(int(status), headers, _body(said, headers), trailers=trailers)


def _pairs(said: Row, which: str = "headers") -> Headers:
    return tuple((str(each["key"]), _value(each)) for each in said.get(which) or ())


def _value(said: Row) -> str:
    """What is no UTF-8 stands in ``raw_value``, as base64."""
    raw = said.get("raw_value")
    return base64.b64decode(raw).decode("latin-1") if raw else str(said.get("value") or "")


def _body(said: Row, headers: Headers) -> Body:
    body = said.get("body") or {}
    data = base64.b64decode(body.get("as_bytes") or "")
    if not body.get("truncated"):
        return Body.whole(data)
    length = header(headers, "content-length")
    return Body(data, max(int(length) if length.isdecimal() else 0, len(data) + 1))
