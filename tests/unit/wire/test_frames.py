import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import ProtocolError
from ktconnect.wire.frames import (
    HEADER,
    LENGTHS,
    MAX_DATAGRAM,
    FrameParser,
    Kind,
    decode_number,
    encode,
    encode_number,
)


def taken(parser, raw):
    """What the parser hands out, copied while it is valid."""
    return [(kind, stream, bytes(part)) for kind, stream, part in parser.feed(memoryview(raw))]


def whole(events):
    """The same with the pieces of each run of DATA joined, since chunking may cut them anywhere."""
    joined: list[tuple[int, int, bytes]] = []
    for kind, stream, part in events:
        if joined and kind == Kind.DATA and joined[-1][:2] == (kind, stream):
            part = joined.pop()[2] + part
        joined.append((kind, stream, part))
    return joined


@st.composite
def frames(draw):
    kind = draw(st.sampled_from(Kind))
    shortest, longest = LENGTHS[kind]
    size = draw(st.integers(shortest, min(longest, 60)))
    return kind, draw(st.integers(0, 2**32 - 1)), draw(st.binary(min_size=size, max_size=size))


@given(st.lists(frames(), max_size=12), st.lists(st.integers(1, 40), min_size=1))
def test_any_chunking_gives_the_same_frames(sent, cuts):
    raw = b"".join(encode(*frame) for frame in sent)
    parser, got, at = FrameParser(), [], 0
    while at < len(raw):
        for cut in cuts:
            got += taken(parser, raw[at : at + cut])
            at += cut
    assert whole(got) == whole(sent)


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_nothing_a_peer_sends_makes_the_parser_raise_but_protocol_errors(chunks):
    parser = FrameParser()
    try:
        for chunk in chunks:
            for kind, _, part in parser.feed(memoryview(chunk)):
                assert kind in LENGTHS
                assert len(part) <= LENGTHS[Kind(kind)][1]
    except ProtocolError:
        pass


def test_data_is_handed_out_before_its_frame_is_whole():
    parser = FrameParser()
    raw = HEADER.pack(Kind.DATA << 24 | 10, 7) + b"abc"
    assert taken(parser, raw) == [(Kind.DATA, 7, b"abc")]
    assert taken(parser, b"defghij") == [(Kind.DATA, 7, b"defghij")]


def test_data_is_a_view_of_what_was_fed_and_not_a_copy():
    buffer = bytearray(encode(Kind.DATA, 1, b"payload"))
    ((_, _, part),) = FrameParser().feed(memoryview(buffer))
    buffer[-1:] = b"!"
    assert bytes(part) == b"payloa!"


def test_a_small_frame_is_handed_out_whole():
    parser = FrameParser()
    raw = encode_number(Kind.WINDOW, 3, 4096)
    assert taken(parser, raw[:9]) == []
    assert taken(parser, raw[9:11]) == []
    ((kind, stream, part),) = taken(parser, raw[11:])
    assert (kind, stream, decode_number(memoryview(part))) == (Kind.WINDOW, 3, 4096)


def test_a_header_of_data_may_come_in_pieces():
    parser = FrameParser()
    raw = encode(Kind.DATA, 5, b"xyz")
    assert taken(parser, raw[:3]) == []
    assert taken(parser, raw[3:]) == [(Kind.DATA, 5, b"xyz")]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ProtocolError, match="unknown frame kind 99"):
        taken(FrameParser(), HEADER.pack(99 << 24, 1))


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        (Kind.DATA, 0),
        (Kind.OPEN, 0),
        (Kind.OPEN, 513),
        (Kind.EOF, 1),
        (Kind.RESET, 3),
        (Kind.WINDOW, 5),
        (Kind.PING, 9),
        (Kind.DATAGRAM, MAX_DATAGRAM + 1),
    ],
)
def test_a_length_the_kind_does_not_allow_is_refused_before_anything_is_kept(kind, length):
    head = HEADER.pack(kind << 24 | length, 1)
    with pytest.raises(ProtocolError, match=f"{kind.name} frame of {length} bytes"):
        taken(FrameParser(), head)
    parser = FrameParser()
    taken(parser, head[:5])
    with pytest.raises(ProtocolError):
        taken(parser, head[5:])
