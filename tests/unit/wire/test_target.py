import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import UsageError
from ktconnect.wire.target import Target

GOOD = {
    "tcp:10.96.0.10:443": Target("tcp", "10.96.0.10", 443),
    "udp:[fd00::1]:53": Target("udp", "fd00::1", 53),
    "tcp:web.demo.svc:80": Target("tcp", "web.demo.svc", 80),
    "icmp:10.244.1.7": Target("icmp", "10.244.1.7"),
    "icmp:[fd00::7]": Target("icmp", "fd00::7"),
    "unix:/run/app.sock": Target("unix", "/run/app.sock"),
}


@pytest.mark.parametrize(("text", "target"), GOOD.items())
def test_a_target_reads_and_writes_as_the_same_text(text, target):
    assert Target.parse(text) == target
    assert str(target) == text


def test_an_address_in_brackets_is_not_needed_where_nothing_follows():
    assert Target.parse("icmp:fd00::7") == Target("icmp", "fd00::7")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sctp:10.0.0.1:1", "starts with none of tcp, udp, icmp, unix"),
        ("tcp:web", "has no port"),
        ("tcp:web:", "has no port between 1 and 65535"),
        ("tcp:web:0", "has no port between 1 and 65535"),
        ("tcp:web:65536", "has no port between 1 and 65535"),
        ("tcp:web:٣", "has no port between 1 and 65535"),
        ("tcp::80", "has no usable host"),
        ("tcp:a b:80", "has no usable host"),
        ("tcp:a:b:80", "has a colon in its host"),
        ("tcp:" + "x" * 256 + ":80", "has no usable host"),
        ("unix:", "has no usable path"),
        ("unix:" + "x" * 101, "has no usable path"),
    ],
)
def test_what_is_wrong_with_a_target_is_said(text, why):
    with pytest.raises(UsageError, match=why) as refused:
        Target.parse(text)
    assert "tcp:10.96.0.10:443" in refused.value.hint


@given(st.text(max_size=60))
def test_any_text_is_a_target_or_a_usage_error(text):
    try:
        assert Target.parse(str(Target.parse(text))) == Target.parse(text)
    except UsageError:
        pass
