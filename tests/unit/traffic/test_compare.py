import gzip
import json
from dataclasses import replace

import pytest

from ktconnect.traffic.compare import MOST, Difference, compare, measure
from ktconnect.traffic.exchange import Answer, Body


def answer(body=b"", status=200, **headers):
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, named, body if isinstance(body, Body) else Body.whole(body))


def json_answer(value, **more):
    return answer(json.dumps(value).encode(), content_type="application/json", **more)


def test_equal_answers_do_not_differ():
    one = json_answer({"a": 1}, date="Mon", server="envoy", x_envoy_upstream_service_time="3")
    two = answer(b'{ "a" : 1 }', Content_Type="application/json", date="Tue", X_Request_ID="u-1")
    assert compare(one, two) == ()


def test_status_headers_and_body_are_told_apart():
    one = Answer(200, (("X-Shop", "1"), ("X-Old", "y")), Body.whole(b"a\nb"), "OK")
    two = Answer(500, (("X-Shop", "2"), ("X-Trace", "t")), Body.whole(b"a\nc"))
    assert compare(one, two, frozenset({"x-trace"})) == (
        Difference("status", "", "200 OK", "500"),
        Difference("header", "x-old", "y", "absent"),
        Difference("header", "x-shop", "1", "2"),
        Difference("body", "line 2", "b", "c"),
    )


def test_secrets_are_compared_by_what_they_are_and_not_shown():
    one = Answer(200, (("Set-Cookie", "sid=aaa; Path=/"), ("X-Api-Key", "aaa")))
    other = Answer(200, (("Set-Cookie", "sid=bbb; Path=/; Secure"), ("x-api-key", "bbb")))
    assert compare(one, other) == ()
    more = Answer(200, (*other.headers, ("Set-Cookie", "ann=ccc")))
    assert compare(one, more) == (Difference("header", "set-cookie", "sid", "ann, sid"),)
    assert compare(one, Answer(200)) == (
        Difference("header", "set-cookie", "sid", "absent"),
        Difference("header", "x-api-key", "(not recorded)", "absent"),
    )


def test_json_that_is_odd_is_compared_and_can_be_printed():
    (found,) = compare(
        answer(b'"\\ud800"', content_type="a/json"), answer(b'"a"', content_type="a/json")
    )
    assert found.origin.encode() == b"\\ud800"
    deep = ["[" * depth + "]" * depth for depth in (600, 601)]
    one, two = (answer(text.encode(), content_type="application/json") for text in deep)
    (found,) = compare(one, two)
    assert found.where == "line 1"


def test_json_is_compared_by_its_values():
    found = compare(json_answer({"n": [1, 2]}), json_answer({"n": [1, "two"], "m": None}))
    assert found == (
        Difference("body", "$.n[1]", "2", "two"),
        Difference("body", "$.m", "absent", "null"),
    )


def test_what_is_told_to_be_json_and_is_not_is_compared_as_text():
    found = compare(json_answer({}), answer(b"oops\r\nmore", content_type="application/json"))
    assert found == (
        Difference("body", "line 1", "{}", "oops"),
        Difference("body", "", "1 line", "2 lines"),
    )


def test_a_coding_makes_no_difference():
    packed = answer(gzip.compress(b"hello"), content_encoding="gzip")
    assert compare(packed, answer(b"hello")) == ()
    assert compare(packed, answer(b"jello"))[0].where == "line 1"


def test_bytes_are_told_by_size_and_digest():
    (found,) = compare(answer(b"\0\1"), answer(b"\0\2\3"))
    assert found == Difference(
        "body", "", "2 bytes, sha256 b413f47d13ee…", "3 bytes, sha256 " + found.laptop[16:]
    )
    (coded,) = compare(
        answer(b"\x0babc", content_encoding="br"), answer(b"\x0babd", content_encoding="br")
    )
    assert coded.origin.startswith("4 bytes, sha256 ")


def test_a_masked_secret_is_no_difference():
    assert compare(answer(set_cookie="a=(not recorded)"), answer(set_cookie="a=1")) == ()


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (Body(b"abc", 10), Body(b"abc", 10), True),  # more is not known
        (Body(b"abc", 10), Body.whole(b"abcd"), False),  # shorter than what was seen of the other
        (Body(b"abc", 4), Body.whole(b"abcdef"), True),
        (Body(b"abc", 10), Body(b"abx", 10), False),
        (Body(b"abc", 10, "d1"), Body(b"abc", 10, "d2"), False),
        (Body(b"abc", 10, "d1"), Body(b"abc", 10, "d1"), True),
    ],
)
def test_of_long_bodies_what_is_known_is_compared(one, two, alike):
    assert (compare(answer(one), answer(two)) == ()) is alike


def test_long_values_and_long_lists_are_cut():
    many = compare(json_answer([0] * 500), json_answer([1] * 500))
    assert len(many) == MOST
    (long,) = compare(answer(b"a" * 5000), answer(b"b"))
    assert (long.origin, long.laptop) == ("a" * 200 + "…", "b")


def test_long_values_are_cut_around_their_first_difference():
    one, two = (f"{'x' * 400}{end}{'y' * 400}" for end in ("ann", "bob"))
    told = (f"…{'x' * 50}{end}{'y' * 147}…" for end in ("ann", "bob"))
    seen = tuple(told)
    for make in (
        lambda text: answer(text.encode()),
        lambda text: json_answer({"a": text}),
        lambda text: answer(x_long=text),
    ):
        (found,) = compare(make(one), make(two))
        assert (found.origin, found.laptop) == seen
    (found,) = compare(call(one.encode()), call(two.encode()))
    assert (found.origin, found.laptop) == tuple(f"803 bytes: {each}" for each in seen)


def test_a_size_that_is_not_whole_is_a_least():
    assert measure(Body(b"abc", 5)) == "5 bytes at least"
    assert measure(Body(b"", 0)).startswith("0 bytes, sha256 e3b0")


GRPC = ("content-type", "application/grpc")


def call(*parts, status="0", **trailers):
    """An answer of gRPC with these messages."""
    body = b"".join(b"\0" + len(part).to_bytes(4, "big") + part for part in parts)
    said = (("grpc-status", status), *trailers.items())
    return Answer(200, (GRPC,), Body.whole(body), trailers=said)


def test_trailers_are_compared_as_headers_are():
    one = Answer(200, trailers=(("X-Sum", "1"), ("x-token", "a")))
    other = Answer(200, trailers=(("x-sum", "2"), ("x-token", "b")))
    assert compare(one, other) == (Difference("trailer", "x-sum", "1", "2"),)
    assert compare(one, other, frozenset({"x-sum"})) == ()


def test_calls_of_grpc_differ_in_how_they_went_and_in_their_messages():
    one, other = call(b"a", b"\x0a\x01b"), call(b"a", b"\x0a\x01c", b"d", status="5", x="1")
    assert compare(one, other) == (
        Difference("status", "", "200, gRPC 0 OK", "200, gRPC 5 NOT_FOUND"),
        Difference("body", "message 2", r"3 bytes: \n\x01b", r"3 bytes: \n\x01c"),
        Difference("body", "", "2 messages", "3 messages"),
        Difference("trailer", "x", "absent", "1"),
    )


def test_how_messages_are_packed_makes_no_difference():
    packed = gzip.compress(b"hello")
    body = b"\1" + len(packed).to_bytes(4, "big") + packed
    other = Answer(200, (GRPC, ("grpc-encoding", "gzip")), Body.whole(body))
    assert compare(call(b"hello"), replace(other, trailers=(("grpc-status", "0"),))) == ()


def test_a_call_that_ends_with_its_headers_is_as_one_that_has_no_message():
    at_once = Answer(200, (GRPC, ("grpc-status", "5"), ("grpc-message", "no")))
    assert compare(at_once, call(status="5", **{"grpc-message": "no"})) == ()


def test_what_says_to_be_grpc_and_is_not_is_compared_as_bytes():
    one, other = (Answer(200, (GRPC,), Body.whole(data)) for data in (b"\0\xff", b"\0\xfe"))
    (found,) = compare(one, other)
    assert (found.what, found.where) == ("body", "")
