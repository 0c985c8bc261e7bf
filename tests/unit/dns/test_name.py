import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.dns.name import ROOT, FormatError, read_name, to_text, to_wire

LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=3)


def wire_of(labels: list[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + ROOT


def test_a_name_becomes_text_in_lower_case_without_the_final_dot():
    assert to_text(b"\x03Web\x04SHOP\0") == "web.shop"


def test_the_root_is_a_dot():
    assert to_text(ROOT) == "."
    assert to_wire(".") == to_wire("") == ROOT


def test_the_final_dot_of_text_does_not_matter():
    assert to_wire("web.shop.") == to_wire("web.shop") == b"\x03web\x04shop\0"


def test_a_dot_inside_a_label_is_escaped_and_comes_back():
    assert to_text(b"\x03a.b\0") == "a\\046b"
    assert to_wire("a\\046b") == b"\x03a.b\0"


@given(LABELS)
def test_text_and_wire_form_turn_into_each_other(labels):
    wire = wire_of([label.lower() for label in labels])
    assert to_wire(to_text(wire)) == wire


def test_a_name_is_read_through_compression_pointers():
    message = b"\x04shop\0" + b"\x03web\xc0\x00" + b"rest"
    assert read_name(message, 6) == (b"\x03web\x04shop\0", 12)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x03we",
        b"\x03web",
        b"\xc0",
        b"\xc0\x00",
        b"\x40" + b"a" * 64 + b"\0",
        b"\x80\0",
        (b"\x3f" + b"a" * 63) * 4 + b"\0",
    ],
)
def test_a_malformed_name_is_a_format_error(message):
    with pytest.raises(FormatError):
        read_name(message, 0)


def test_a_pointer_forwards_is_refused_so_that_reading_ends():
    with pytest.raises(FormatError, match="backwards"):
        read_name(b"\xc0\x02\x03web\0", 0)


@pytest.mark.parametrize("text", ["a..b", "a" * 64, ".".join(["a" * 60] * 5), "bücher", "a\\300"])
def test_text_that_is_no_name_is_a_format_error(text):
    with pytest.raises(FormatError):
        to_wire(text)
