import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import UsageError
from ktconnect.wire.call import Call
from ktconnect.wire.frames import MAX_TARGET

GOOD = {
    "tcp:8080:10.244.1.7:41234": Call("tcp", 8080, "10.244.1.7", 41234),
    "udp:53:[fd00::7]:5353": Call("udp", 53, "fd00::7", 5353),
}

ports = st.integers(1, 65535)
calls = st.builds(
    Call,
    st.sampled_from(["tcp", "udp"]),
    ports,
    st.ip_addresses().map(str),
    ports,
)


@pytest.mark.parametrize(("text", "call"), GOOD.items())
def test_a_call_reads_and_writes_as_the_same_text(text, call):
    assert Call.parse(text) == call
    assert str(call) == text


@given(calls)
def test_every_call_survives_its_text_and_fits_an_open(call):
    assert Call.parse(str(call)) == call
    assert len(str(call)) <= MAX_TARGET


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("unix:/run/secret", "starts with none of tcp, udp"),
        ("tcp:10.0.0.1:80", "has a colon in its host|no port"),
        ("tcp:0:10.0.0.1:80", "no port between"),
        ("tcp:80", "is not a target"),
        ("tcp:80:10.0.0.1", "has no port"),
        ("tcp:80:10.0.0.1:0", "no port between"),
        ("tcp:80:fd00::1:80:", "is not a target"),
    ],
)
def test_what_is_no_call_is_said(text, why):
    with pytest.raises(UsageError, match=why):
        Call.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_call_or_a_usage_error(text):
    try:
        assert Call.parse(str(Call.parse(text))) == Call.parse(text)
    except UsageError:
        pass
