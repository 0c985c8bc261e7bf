import re

import pytest

from ktconnect.errors import UsageError
from ktconnect.rules.istio_match import cookies_regex, http_match
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Match


def said(text, **how):
    """Conditions that `parse_match` would not let stand together, too."""
    each = [parse_match(part).conditions for part in text.split(",")]
    return http_match(Match(tuple(one for conditions in each for one in conditions)), **how)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("header:X-User=ann", {"headers": {"x-user": {"exact": "ann"}}}),
        ("header:x-user^=an", {"headers": {"x-user": {"prefix": "an"}}}),
        ("header:x-user~=an.*", {"headers": {"x-user": {"regex": "an.*"}}}),
        ("header:host=shop.example.com", {"authority": {"exact": "shop.example.com"}}),
        ("query:debug=1", {"queryParams": {"debug": {"exact": "1"}}}),
        ("query:debug^=1", {"queryParams": {"debug": {"prefix": "1"}}}),
        ("method=POST", {"method": {"exact": "POST"}}),
        ("path=/api/x", {"uri": {"exact": "/api/x"}}),
        ("path~=/v[0-9]+", {"uri": {"regex": "/v[0-9]+"}}),
        ("path:/", {"uri": {"prefix": "/"}}),
    ],
)
def test_each_condition_as_istio_has_it(text, expected):
    assert said(text) == expected


def test_all_conditions_stand_in_one_match():
    found = said("header:version=ci,header:x-user=ann,method=GET,path=/a")
    assert set(found["headers"]) == {"version", "x-user"}
    assert (found["method"], found["uri"]) == ({"exact": "GET"}, {"exact": "/a"})


def test_a_path_is_taken_by_whole_segments():
    wanted = said("path:/a.p+i/")["uri"]["regex"]
    assert [re.fullmatch(wanted, path) is not None for path in ("/a.p+i", "/a.p+i/", "/a.p+i/x")]
    assert not any(re.fullmatch(wanted, path) for path in ("/a.p+is", "/aXp+i/x", "/"))


def test_a_method_of_grpc_is_a_path_of_a_call():
    found = said("grpc:shop.Cart/Add")
    assert found["uri"] == {"exact": "/shop.Cart/Add"}
    assert found["headers"] == {"content-type": {"prefix": "application/grpc"}}
    assert said("grpc:shop.Cart")["uri"] == {"prefix": "/shop.Cart/"}


@pytest.mark.parametrize(
    ("header", "fits"),
    [
        ("user=ann", True),
        ("a=1; user=ann; b=2", True),
        ("a=1;user=ann", True),
        ("user=anna", False),
        ("xuser=ann", False),
        ("a=user=ann", False),
        ("", False),
    ],
)
def test_a_cookie_is_found_among_others(header, fits):
    wanted = said("cookie:user=ann")["headers"]["cookie"]["regex"]
    assert (re.fullmatch(wanted, header) is not None) is fits


def test_a_cookie_may_begin_or_match():
    begins = cookies_regex(parse_match("cookie:user^=an").conditions)
    matches = cookies_regex(parse_match("cookie:user~=a|b").conditions)
    assert re.fullmatch(begins, "x=1; user=anna; y=2")
    assert not re.fullmatch(begins, "x=1; user=bob; y=an")
    assert re.fullmatch(matches, "user=b; y=2")
    assert not re.fullmatch(matches, "user=ab")


def test_two_cookies_may_come_in_any_order():
    wanted = said("cookie:a=1,cookie:b=2")["headers"]["cookie"]["regex"]
    assert all(re.fullmatch(wanted, text) for text in ("a=1; b=2", "b=2; a=1", "b=2; c=3; a=1"))
    assert not any(re.fullmatch(wanted, text) for text in ("a=1", "b=2; c=3", "a=1; b=3"))


def test_the_port_and_the_host_are_said_where_they_matter():
    assert http_match(Match(), port=80) == {"port": 80}
    assert said("method=GET", authority="web(:[0-9]+)?")["authority"] == {"regex": "web(:[0-9]+)?"}


def test_the_same_wish_twice_is_one():
    assert said("grpc:a.B/C,header:content-type^=application/grpc") == said("grpc:a.B/C")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("header:a^=x,header:a~=.*y", "the header a of a request"),
        ("query:a^=x,query:a~=.*y", "the parameter a of a request"),
        ("path:/a,path~=.*b", "the path of a request"),
        ("cookie:a=1,header:cookie~=.*", "the header cookie of a request"),
        ("sni:shop.example.com", "server name"),
        ("cookie:a=1,cookie:b=1,cookie:c=1,cookie:d=1", "3 cookies at most"),
        (f"cookie:user={'.' * 600}", "1024 characters"),
    ],
)
def test_what_istio_cant_compare_is_refused(text, what):
    with pytest.raises(UsageError, match=what) as refused:
        said(text)
    assert "--mode router" in refused.value.hint


def test_a_rule_for_several_hosts_leaves_no_room_for_a_wish_about_the_host():
    with pytest.raises(UsageError, match="the host of a request only once"):
        said("header:host=a.example.com", authority="web")
