import json

from ktconnect.traffic.exchange import Exchange, header
from ktconnect.traffic.traces import Traces


def row(key, value, raw=""):
    return {"key": key, "value": value, "raw_value": raw}


def trace(request=(), response=(), body=None, answer=None):
    asked = [row(":authority", "web"), row(":path", "/a?x=1"), row(":method", "POST"), *request]
    said = {"headers": [row(":status", "200"), *response]} | ({"body": answer} if answer else {})
    whole = {"request": {"headers": asked} | ({"body": body} if body else {}), "response": said}
    return json.dumps({"http_buffered_trace": whole}, indent=1).encode() + b"\n"


FULL = trace(
    [row("x-request-id", "u-1")],
    [row("x-envoy-upstream-service-time", "250"), row("x-raw", "", "6Q==")],
    {"as_bytes": "aGVsbG8=", "truncated": False},
    {"as_bytes": "aGk=", "truncated": False},
)


TRAILER = json.dumps(row("grpc-status", "0")).encode()


def test_a_trace_is_an_exchange_however_it_comes():
    for step in (1, 7, 10_000):
        traces = Traces()
        found: list[Exchange] = []
        for at in range(0, len(FULL) * 2, step):
            found += traces.more((FULL * 2)[at : at + step], 100.0)
        assert len(found) == 2
        (seen, again) = found
        assert seen == again
        assert (seen.request.method, seen.request.target) == ("POST", "/a?x=1")
        assert seen.request.headers == (("Host", "web"), ("x-request-id", "u-1"))
        assert seen.request.body.data == b"hello"
        assert seen.answer is not None
        assert (seen.answer.status, seen.answer.body.data) == (200, b"hi")
        assert header(seen.answer.headers, "x-raw") == "é"
        assert (seen.began, seen.seconds) == (99.75, 0.25)


def received(began, told):
    """A trace that says when its headers came."""
    text = FULL.replace(b'"request": {', b'"request": {"headers_received_time": "%s",' % began)
    return text.replace(b'"response": {', b'"response": {"headers_received_time": "%s",' % told)


def test_how_long_it_took_is_what_lies_between_the_headers():
    moments = b"2026-01-01T12:00:00.500000001Z", b"2026-01-01T12:00:02.600Z"
    (seen,) = Traces().more(received(*moments), 100.0)
    assert (seen.began, seen.seconds) == (97.9, 2.1)
    (back,) = Traces().more(received(*reversed(moments)), 100.0)
    assert back.seconds == 0.0
    (odd,) = Traces().more(received(b"yesterday", moments[1]), 100.0)
    assert odd.seconds == 0.25  # as the other header says
    (unknown,) = Traces().more(trace(), 100.0)
    assert unknown.seconds == 0.0


def test_a_body_that_was_cut_says_how_long_it_is_if_it_is_known():
    cut = {"as_bytes": "aGVsbG8=", "truncated": True}
    (told,) = Traces().more(trace((), [row("content-length", "900")], answer=cut), 1.0)
    (untold,) = Traces().more(trace(answer=cut), 1.0)
    assert told.answer is not None
    assert untold.answer is not None
    assert told.answer.body.size == 900
    assert untold.answer.body.size == 6
    assert untold.answer.body.is_cut


def test_headers_after_the_body_are_trailers():
    text = FULL.replace(b'"response": {', b'"response": {"trailers": [%s],' % TRAILER)
    (seen,) = Traces().more(text, 1.0)
    assert seen.answer is not None
    assert seen.answer.trailers == (("grpc-status", "0"),)


def test_without_an_answer_it_says_so():
    (seen,) = Traces().more(FULL.replace(b":status", b":other"), 1.0)
    assert seen.answer is None
    assert seen.failure == "the origin did not answer"


def test_a_host_is_not_told_twice():
    (seen,) = Traces().more(trace([row("host", "shop")]), 1.0)
    assert header(seen.request.headers, "host") == "shop"


def test_what_cant_be_read_is_passed_over():
    found = [*Traces().more(b'{\n "x": 1\n}\n{"a\n}\n' + FULL, 1.0)]
    assert len(found) == 1
