import itertools
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.kube.frames import Failed, Reply
from ktconnect.kube.spdy import Spdy

FIN = 1


def control(kind: int, body: bytes, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(body)) + body


def data(stream: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack(">II", stream, flags << 24 | len(body)) + body


def heard(spdy: Spdy, *messages: bytes) -> list[object]:
    return [
        bytes(event) if isinstance(event, memoryview) else event
        for message in messages
        for event in spdy.receive(memoryview(message))
    ]


SYN_REPLY = control(2, struct.pack(">I", 1) + b"compressed")


def headers(blocks: list[bytes]) -> list[dict[str, str]]:
    """What a reader of the header blocks sees: one zlib stream, each block flushed."""
    inflate, found = zlib.decompressobj(), []
    for block in blocks:
        plain = inflate.decompress(block)
        (count,), at, words = struct.unpack_from(">I", plain), 4, []
        for _ in range(count * 2):
            (size,) = struct.unpack_from(">I", plain, at)
            words.append(plain[at + 4 : at + 4 + size].decode())
            at += 4 + size
        assert at == len(plain)
        found.append(dict(zip(words[::2], words[1::2], strict=True)))
    return found


def test_the_opening_makes_the_error_stream_ends_it_and_makes_the_data_stream():
    opening, frames = Spdy(7070).opening(), []
    while opening:
        word, size = struct.unpack_from(">II", opening)
        frames.append((word, size >> 24, opening[8 : 8 + (size & 0xFFFFFF)]))
        opening = opening[8 + (size & 0xFFFFFF) :]
    syn = 0x80030001
    assert [(word, flags) for word, flags, _ in frames] == [(syn, 0), (1, FIN), (syn, 0)]
    assert [struct.unpack_from(">IIH", frames[i][2]) for i in (0, 2)] == [(1, 0, 0), (3, 0, 0)]
    assert headers([frames[i][2][10:] for i in (0, 2)]) == [
        {"streamtype": "error", "port": "7070", "requestid": "0"},
        {"streamtype": "data", "port": "7070", "requestid": "0"},
    ]


def test_a_header_is_written_in_front_of_the_payload():
    buffer = bytearray(32) + b"hello"
    start = Spdy(1).put_header(buffer, 32, 37)
    assert bytes(buffer[start:]) == data(3, b"hello")


STREAM = SYN_REPLY + data(3, b"hello") + control(6, struct.pack(">I", 2)) + data(3, b" world")


@given(st.lists(st.integers(1, len(STREAM)), max_size=8))
def test_bytes_come_out_the_same_however_they_are_cut(cuts):
    edges = sorted({0, len(STREAM), *cuts})
    found = heard(Spdy(1), *(STREAM[a:b] for a, b in itertools.pairwise(edges)))
    assert b"".join(event for event in found if isinstance(event, bytes)) == b"hello world"
    assert [event for event in found if isinstance(event, Reply)] == [
        Reply(control(6, struct.pack(">I", 2)))
    ]


def test_an_answer_to_a_ping_of_ours_is_not_answered():
    assert heard(Spdy(1), control(6, struct.pack(">I", 1))) == []


def test_an_error_is_told_when_its_stream_ends():
    spdy = Spdy(1)
    assert heard(spdy, data(3, b"", FIN), data(1, b"connection ")) == []
    assert heard(spdy, data(1, b"refused"), data(1, b"", FIN)) == [Failed("connection refused")]


def test_the_end_without_an_error_is_an_end_too():
    assert heard(Spdy(1), data(3, b"", FIN) + data(1, b"", FIN)) == [
        Failed("the Pod closed the connection")
    ]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (control(3, struct.pack(">II", 3, 1)), "reset"),
        (control(7, struct.pack(">II", 0, 0)), "going away"),
        (control(1, b"", version=2), "broke the SPDY protocol"),
    ],
)
def test_the_server_may_end_it(frame, reason):
    (event,) = heard(Spdy(1), frame)
    assert isinstance(event, Failed)
    assert reason in event.reason


def test_an_error_that_came_before_a_reset_is_the_reason():
    reset = control(3, struct.pack(">II", 1, 1))
    assert heard(Spdy(1), data(1, b"why") + reset) == [Failed("why")]


def test_frames_that_say_nothing_to_us_are_passed_over():
    settings = control(4, struct.pack(">I", 0))
    window = control(9, struct.pack(">II", 3, 100))
    assert heard(Spdy(1), SYN_REPLY + settings + window + data(5, b"other")) == []


def test_an_endless_error_is_cut():
    spdy = Spdy(1)
    heard(spdy, *[data(1, b"x" * 1000)] * 50)
    (event,) = heard(spdy, data(1, b"", FIN))
    assert isinstance(event, Failed)
    assert len(event.reason) <= 6000
