import pytest

from ktconnect.rules.holds import holds
from ktconnect.rules.match import parse_match
from ktconnect.rules.sample import sample


@pytest.mark.parametrize(
    "text",
    [
        "header:version=ci",
        "header:x-user^=an",
        "header:x-user~=ann",
        "cookie:user=ann,cookie:lang=de",
        "query:debug=1,path:/api",
        "path=/api/x,method=HEAD",
    ],
)
def test_what_is_made_up_is_meant(text):
    match = parse_match(text)
    request = sample([match])
    assert request is not None
    assert holds(match, request)


@pytest.mark.parametrize(
    "text",
    [
        "method=POST",
        "grpc:shop.Cart/Add",
        "sni:shop.example.com",
        "path~=/v[0-9]+",
        "header:host=shop.example.com",
    ],
)
def test_nothing_is_made_up_that_might_change_something_or_can_not_be_known(text):
    assert sample([parse_match(text)]) is None


def test_the_first_that_can_be_made_up_is_taken():
    found = sample([parse_match("method=POST"), parse_match("header:version=ci")])
    assert found is not None
    assert found.header("version") == "ci"
