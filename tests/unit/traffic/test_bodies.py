import gzip
import zlib

import pytest

from ktconnect.traffic.bodies import is_json, json_of, media_type, plain, text_of
from ktconnect.traffic.exchange import Body

TEXT = b"hello hello hello" * 100


def coded(*codings):
    return tuple(("Content-Encoding", each) for each in codings)


BARE = zlib.compressobj(wbits=-15)
DEFLATED = BARE.compress(TEXT) + BARE.flush()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-GZIP", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", DEFLATED),
        ("identity", TEXT),
        ("gzip, deflate", zlib.compress(gzip.compress(TEXT))),
    ],
)
def test_codings_are_undone(coding, data):
    assert plain(coded(coding), Body.whole(data)) == TEXT


def test_of_a_body_that_was_cut_the_beginning_is_read():
    data = gzip.compress(bytes(range(256)) * 9)
    found = plain(coded("gzip"), Body(data[:-40], len(data)))
    assert found
    assert (bytes(range(256)) * 9).startswith(found)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
def test_what_cant_be_undone_is_said_not_guessed(coding):
    assert plain(coded(coding), Body.whole(b"\x0b\x02\x80hello\x03")) is None


def test_the_media_type_tells_what_is_json():
    assert media_type((("Content-Type", "Application/JSON; charset=utf-8"),)) == "application/json"
    assert is_json((("content-type", "application/problem+json"),))
    assert not is_json((("content-type", "text/html"),))
    assert not is_json(())


def test_text_is_read_by_its_charset_and_else_as_utf_8():
    latin = (("Content-Type", 'text/plain; q=1; charset="latin-1"'),)
    assert text_of(latin, "é".encode("latin-1")) == "é"
    assert text_of((("Content-Type", "text/plain; charset=klingon"),), "é".encode()) == "é"
    assert text_of((), b"\xff\xfe") is None
    assert text_of((), b"a\0b") is None


def test_json_null_is_a_value_and_garbage_is_none():
    assert json_of(b"null") == (None,)
    assert json_of(b"{") is None
    assert json_of(b"\xff") is None
    assert json_of(b"[" * 100_000) is None
