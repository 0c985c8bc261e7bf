from contextlib import suppress

import pytest
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.traffic import frames
from ktconnect.traffic.frames import PREFACE, Chunk, Head, Reset, Side, Unreadable, error_name

PAIRS = ((":status", "200"), ("x-one", "é"))


def block(encoder):
    return encoder.encode([(name.encode(), value.encode("latin-1")) for name, value in PAIRS])


def head(data, *flags, kind=HeadersFrame, **more):
    return kind(1, data, flags=flags, **more).serialize()


@given(st.integers(1, 60))
def test_what_is_sent_is_told_however_the_bytes_are_cut(step):
    data = block(Encoder())
    sent = b"".join([
        PREFACE,
        SettingsFrame(0, {SettingsFrame.HEADER_TABLE_SIZE: 65536}).serialize(),
        head(data[:3]),
        head(data[3:5], kind=ContinuationFrame),
        head(data[5:], "END_HEADERS", kind=ContinuationFrame),
        PingFrame(0, b"12345678").serialize(),
        DataFrame(1, b"abc", pad_length=9, flags=["PADDED"]).serialize(),
        DataFrame(1, b"", flags=["END_STREAM"]).serialize(),
        RstStreamFrame(3, 7).serialize(),
    ])  # fmt: skip
    side = Side(PREFACE)
    found: list[Head | Chunk | Reset] = []
    for at in range(0, len(sent), step):
        found += side.more(sent[at : at + step])
    assert found == [
        Head(1, PAIRS, ends=False),
        Chunk(1, b"abc", ends=False),
        Chunk(1, b"", ends=True),
        Reset(3, "REFUSED_STREAM"),
    ]


def test_headers_of_what_is_pushed_are_read_for_those_that_follow():
    encoder = Encoder()
    pushed = PushPromiseFrame(1, 2, block(encoder), flags=["END_HEADERS"]).serialize()
    again = block(encoder)
    assert len(again) < 5, "by the table alone"
    found = [*Side().more(pushed + head(again, "END_HEADERS", "END_STREAM"))]
    assert found == [Head(1, PAIRS, ends=True)]


def test_a_larger_table_than_the_first_is_followed():
    encoder = Encoder()
    encoder.header_table_size = 65536
    assert [*Side().more(head(block(encoder), "END_HEADERS"))] == [Head(1, PAIRS, ends=False)]


def test_an_error_that_nobody_knows_is_told_by_its_number():
    assert (error_name(8), error_name(99)) == ("CANCEL", "error 99")


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_what_begins_otherwise_is_not_read(begin):
    with pytest.raises(Unreadable, match="begin"):
        [*Side(PREFACE).more(begin)]


def test_headers_that_do_not_end_are_not_kept(monkeypatch):
    monkeypatch.setattr(frames, "KEPT", 10)
    with pytest.raises(Unreadable, match="no end"):
        [*Side().more(head(b"123456") + head(b"789012", kind=ContinuationFrame))]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for start in (b"", head(b"", "END_HEADERS"), b"\x00\x00\x10\x01\x04\x00\x00\x00\x01"):
        with suppress(Unreadable):
            found = [*Side().more(start + data)]
            assert all(isinstance(each, Head | Chunk | Reset) for each in found)
