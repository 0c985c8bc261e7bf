import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.serving.expose import EXAMPLES, check_exposed, exposes_for, parse_exposes
from ktconnect.objects.ports import Expose, Local


@pytest.mark.parametrize(
    ("text", "remote", "local", "protocol"),
    [
        ("8080", "8080", Local(), ""),
        ("08080", "8080", Local(), ""),
        ("http", "http", Local(), ""),
        ("8080:80", "80", Local(port=8080), ""),
        ("8080:http", "http", Local(port=8080), ""),
        ("8080:2-web", "2-web", Local(port=8080), ""),
        ("10.0.0.5:8080:80", "80", Local("10.0.0.5", 8080), ""),
        ("[fd00::5]:8080:80", "80", Local("fd00::5", 8080), ""),
        ("localhost:8080:80", "80", Local("127.0.0.1", 8080), ""),
        ("host1:8080:80", "80", Local("host1", 8080), ""),
        ("my_host.lan:8080:80", "80", Local("my_host.lan", 8080), ""),
        ("/run/app.sock:80", "80", Local(path="/run/app.sock"), ""),
        ("/run/a:b.sock:http", "http", Local(path="/run/a:b.sock"), ""),
        ("unix:/run/app.sock:80", "80", Local(path="/run/app.sock"), ""),
        ("/run/app.sock:80/tcp", "80", Local(path="/run/app.sock"), "tcp"),
        ("53/udp", "53", Local(), "udp"),
        ("5353:dns/UDP", "dns", Local(port=5353), "udp"),
    ],
)
def test_an_item_says_the_local_and_the_remote_side(text, remote, local, protocol):
    assert parse_exposes(text) == (Expose(text, remote, local, protocol),)


def test_items_are_separated_by_commas():
    assert [each.text for each in parse_exposes(" 8080:80, 53/udp,")] == ["8080:80", "53/udp"]


def test_nothing_said_is_not_the_same_as_nothing_named():
    assert parse_exposes(None) == ()
    for text in ("", " ", ",", " , "):
        with pytest.raises(UsageError, match="names no port") as refused:
            parse_exposes(text)
        assert refused.value.hint == EXAMPLES


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0", "'0' is not a port between 1 and 65535"),
        ("65536", "is not a port"),
        ("99999999999", "is not a port"),
        ("-1", "can't be a port"),
        ("8080:", "'' can't be a port or the name of one"),
        (":80", "'' is not a port"),
        ("x:80", "'x' is not a port"),
        ("10.0.0.5:80", "'10.0.0.5' is not a port"),
        ("10.0.0.5::80", "'' is not a port"),
        ("fd00::5:8080:80", "an IPv6 address needs brackets"),
        ("1.2.3:80:80", "'1.2.3' can't be a host"),
        ("1.2.3.256:80:80", "'1.2.3.256' can't be a host"),
        ("8080:80:90", "'8080' can't be a host"),
        (":8080:80", "'' can't be a host"),
        ("a b:8080:80", "'a b' can't be a host"),
        ("/run/app.sock", "can't be a port"),
        ("unix:run/app.sock:80", "must be absolute"),
        ("/run/app.sock:53/udp", "takes no UDP"),
        (f"/{'x' * 100}:80", "has 100 bytes at most"),
        ("80/sctp", "can't be a port"),
        ("8080:Http", "can't be a port"),
        ("web shop=80", "can't be the name of a Service"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_examples(text, why):
    with pytest.raises(UsageError, match=f"--expose {text[:9]}".replace("[", r"\[")) as refused:
        parse_exposes(text)
    assert why in str(refused.value)
    assert refused.value.hint == EXAMPLES


@pytest.mark.parametrize("text", ["80,80", "8080:80,9090:80", "http,1:http", "a=80,a=1:80"])
def test_a_port_can_not_be_said_twice(text):
    with pytest.raises(UsageError, match="is said twice"):
        parse_exposes(text)


def test_tcp_and_udp_of_one_number_are_two_ports():
    assert [each.protocol for each in parse_exposes("53/udp,53/tcp")] == ["udp", "tcp"]


def test_an_item_may_be_meant_for_one_of_several_targets():
    exposes = parse_exposes("web=8080:80,api=9090:80,53/udp")
    assert [each.text for each in exposes_for(exposes, "web")] == ["web=8080:80", "53/udp"]
    assert [each.text for each in exposes_for(exposes, "api")] == ["api=9090:80", "53/udp"]
    check_exposed(exposes, ["api", "web"])


def test_an_item_for_no_target_is_refused():
    with pytest.raises(UsageError, match="wbe is not a target") as refused:
        check_exposed(parse_exposes("wbe=80"), ["web", "api"])
    assert refused.value.hint == "its targets are web, api"
