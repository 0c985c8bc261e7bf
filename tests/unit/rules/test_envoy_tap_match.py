import pytest

from ktconnect.rules.envoy_tap_match import tap_match
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Match

ANY = {"any_match": True}


def headers(*found):
    return {"http_request_headers_match": {"headers": list(found)}}


def test_conditions_of_one_match_hold_together():
    assert tap_match([parse_match("header:x-user=ann,method=POST,path:/api,query:a=1")]) == headers(
        {"name": "x-user", "string_match": {"exact": "ann"}},
        {"name": ":method", "string_match": {"exact": "POST"}},
        {"name": ":path", "string_match": {"prefix": "/api"}},
    )


def test_one_of_several_matches_is_enough():
    found = tap_match([parse_match("header:a~=x.*"), parse_match("grpc:shop.Cart/Add")])
    assert found == {
        "or_match": {
            "rules": [
                headers({"name": "a", "string_match": {"safe_regex": {"regex": "x.*"}}}),
                headers({"name": ":path", "string_match": {"prefix": "/shop.Cart/Add"}}),
            ]
        }
    }


@pytest.mark.parametrize("text", ["cookie:user=ann", "path~=/v[0-9]+", "query:debug=1"])
def test_what_a_tap_cant_tell_is_shown(text):
    assert tap_match([parse_match(text)]) == ANY
    assert tap_match([parse_match("method=GET"), parse_match(text)]) == ANY


def test_everything_is_shown_if_everything_is_meant():
    assert tap_match([Match()]) == ANY
    assert tap_match([parse_match("path:/")]) == headers(
        {"name": ":path", "string_match": {"prefix": "/"}}
    )
