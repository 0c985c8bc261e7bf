import gzip

import pytest

from ktconnect.traffic.exchange import Answer
from ktconnect.traffic.grpc import code_of, is_grpc, messages, settled, shown

GRPC = (("content-type", "application/grpc+proto"), ("grpc-encoding", "gzip"))


def framed(*parts):
    return b"".join(bytes([packed]) + len(data).to_bytes(4, "big") + data for packed, data in parts)


def test_what_is_grpc_says_its_media_type():
    assert is_grpc(GRPC)
    assert is_grpc((("Content-Type", "application/grpc"),))
    assert not is_grpc((("content-type", "application/grpc-web"),))


@pytest.mark.parametrize(
    ("headers", "trailers", "code"),
    [
        ((), (("grpc-status", "0"),), "0 OK"),
        ((("grpc-status", "5"),), (), "5 NOT_FOUND"),
        ((), (("grpc-status", "77"),), "77"),
        ((), (), ""),
    ],
)
def test_how_a_call_went_is_said_at_its_end_or_at_once(headers, trailers, code):
    assert code_of(Answer(200, headers, trailers=trailers)) == code


def test_what_is_said_at_once_counts_as_said_at_the_end():
    answer = Answer(200, (*GRPC, ("grpc-message", "no")), trailers=(("x", "1"),))
    assert settled(answer) == (GRPC, (("grpc-message", "no"), ("x", "1")))
    assert settled(Answer(200, (("grpc-message", "no"),))) == ((("grpc-message", "no"),), ())


def test_messages_are_taken_apart_and_unpacked():
    data = framed((0, b"one"), (1, gzip.compress(b"two")), (0, b""))
    assert messages(GRPC, data) == [b"one", b"two", b""]
    assert messages(GRPC, b"") == []


def test_a_hundred_thousand_small_messages_are_taken_apart_in_a_moment():
    one = framed((0, b"12345"))
    assert messages(GRPC, one * 100_000) == [b"12345"] * 100_000


@pytest.mark.parametrize("data", [framed((0, b"one"))[:-1], b"\0\0", framed((1, b"no gzip"))])
def test_what_is_cut_or_packed_otherwise_is_not_taken_apart(data):
    assert messages(GRPC, data) is None


def test_a_message_is_shown_by_its_size_and_its_text():
    assert shown(b"\n\x05hello", slice(0, 100)) == r"7 bytes: \n\x05hello"
    assert shown(b"x" * 2000, slice(0, 3)) == "2,000 bytes: xxx…"
    assert shown(b"abcdefgh", slice(2, 5)) == "8 bytes: …cde…"
    assert shown(b"", slice(0, 3)) == "0 bytes"
