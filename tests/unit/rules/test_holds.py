import pytest

from ktconnect.rules.holds import any_holds, described, failing, fits, holds, nearest
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Condition, Match
from ktconnect.rules.request import Request

SENT = Request(
    "POST",
    "/api/x",
    (("debug", "1"),),
    (("x-user", "ann"), ("cookie", "user=ann"), ("version", "ci")),
    "shop",
)
GRPC = Request(
    "POST", "/shop.Cart/Add", (), (("content-type", "application/grpc"), ("x-user", "ann"))
)
TLS = Request(host="a.shop.io", tls=True)


@pytest.mark.parametrize(
    "text",
    [
        "header:X-User=ann",
        "header:x-user^=an",
        "header:x-user~=a.*n",
        "header:host=shop",
        "cookie:user=ann",
        "query:debug=1",
        "path:/api",
        "path:/api/",
        "path:/",
        "path=/api/x",
        "path~=/a.*",
        "method=POST",
        "header:x-user=ann,path:/api,method=POST",
    ],
)
def test_a_match_holds_if_all_its_conditions_do(text):
    assert holds(parse_match(text), SENT)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("header:version=CI", "header VERSION is 'ci', the rule wants 'CI'"),
        ("header:x-team=a", "header X-TEAM is missing, the rule wants 'a'"),
        ("header:x-user^=b", "header X-USER is 'ann', the rule wants one that begins with 'b'"),
        ("header:x-user~=an", "header X-USER is 'ann', the rule wants what matches 'an'"),
        ("cookie:user=bob", "cookie user is 'ann', the rule wants 'bob'"),
        ("query:debug=0", "parameter debug is '1', the rule wants '0'"),
        ("path:/ap", "path is '/api/x', the rule wants one that begins with '/ap'"),
        ("method=GET", "method is 'POST', the rule wants 'GET'"),
        (
            "grpc:shop.Cart",
            "gRPC method is missing, the rule wants one that begins with 'shop.Cart/'",
        ),
        ("sni:shop.io", "server name (SNI) is missing, the rule wants 'shop.io'"),
    ],
)
def test_what_a_match_lacks_is_told(text, missing):
    assert failing(parse_match(text), SENT) == (missing,)


@pytest.mark.parametrize("text", ["grpc:shop.Cart", "grpc:shop.Cart/Add", "header:x-user=ann"])
def test_a_call_of_grpc_is_told_apart_by_its_method(text):
    assert holds(parse_match(text), GRPC)


@pytest.mark.parametrize("text", ["sni:a.shop.io", "sni:*.shop.io"])
def test_of_tls_the_servers_name_is_seen(text):
    assert holds(parse_match(text), TLS)


@pytest.mark.parametrize("text", ["sni:*.shop.com", "header:x-user=ann", "path:/"])
def test_and_nothing_else(text):
    assert not holds(parse_match(text), TLS)


def test_the_nearest_of_several_matches_is_told():
    far, near = parse_match("header:a=1,header:b=2"), parse_match("header:version=CI")
    assert nearest([far, near], SENT) == ("header VERSION is 'ci', the rule wants 'CI'",)
    assert nearest([], SENT) == ()
    assert any_holds([far, parse_match("method=POST")], SENT)


def test_a_pattern_that_cannot_be_read_matches_nothing():
    assert not fits("regex", "(", "(")


def test_a_match_reads_as_a_person_says_it():
    match = Match(
        (Condition("header", "version", "exact", "ci"), *parse_match("path:/api").conditions)
    )
    assert described(match) == "header VERSION is 'ci' and path begins with '/api'"
    assert described(Match()) == "every request"
