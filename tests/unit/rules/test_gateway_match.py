import re

import pytest

from ktconnect.errors import UsageError
from ktconnect.rules.gateway_match import before, route_match
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Condition, Match


def said(text, **how):
    """Conditions that `parse_match` would not let stand together, too."""
    each = [parse_match(part).conditions for part in text.split(",")]
    return route_match(Match(tuple(one for conditions in each for one in conditions)), **how)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("header:X-User=ann", {"headers": [{"type": "Exact", "name": "x-user", "value": "ann"}]}),
        ("query:d=1", {"queryParams": [{"type": "Exact", "name": "d", "value": "1"}]}),
        ("method=POST", {"method": "POST"}),
        ("path=/api", {"path": {"type": "Exact", "value": "/api"}}),
        ("path:/api/", {"path": {"type": "PathPrefix", "value": "/api"}}),
        ("path:/", {"path": {"type": "PathPrefix", "value": "/"}}),
        ("grpc:shop.Cart/Add", {"path": {"type": "Exact", "value": "/shop.Cart/Add"}}),
        ("grpc:shop.Cart", {"path": {"type": "PathPrefix", "value": "/shop.Cart"}}),
    ],
)
def test_each_condition_as_the_gateway_api_has_it(text, expected):
    assert said(text) == expected


def test_all_conditions_stand_in_one_match():
    found = said("header:version=ci,header:a=b,method=GET,path=/a,query:q=1")
    assert set(found) == {"headers", "method", "path", "queryParams"}
    assert [each["name"] for each in found["headers"]] == ["version", "a"]


@pytest.mark.parametrize(
    ("text", "part", "value"),
    [
        ("header:a^=an", "headers", "an.*"),
        ("header:a~=x|y", "headers", "(?:x|y)"),
        ("query:a^=1", "queryParams", "1.*"),
    ],
)
def test_where_regular_expressions_are_known_prefixes_are_too(text, part, value):
    name = {"type": "RegularExpression", "name": "a", "value": value}
    assert said(text, regex=True) == {part: [name]}


def test_cookies_and_paths_by_regular_expression_where_they_are_known():
    [cookie] = said("cookie:user=ann", regex=True)["headers"]
    assert re.fullmatch(cookie["value"], "a=1; user=ann")
    assert said("path~=/v[0-9]", regex=True)["path"]["type"] == "RegularExpression"


@pytest.mark.parametrize(
    "text", ["header:a^=x", "header:a~=x", "query:a~=x", "cookie:a=x", "path~=/x"]
)
def test_without_regular_expressions_only_the_exact_can_be_said(text):
    with pytest.raises(UsageError, match="only exactly"):
        said(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("header:host=a.example.com", "does not compare the host"),
        ("sni:a.example.com", "does not compare the server name"),
        ("header:a=1,header:a=2", "header a only once"),
        ("query:a=1,query:a=2", "parameter a only once"),
        ("path:/a,path=/a/b", "path only once"),
        ("cookie:a=1,header:cookie=x", "header cookie only once"),
    ],
)
def test_what_the_gateway_api_cant_compare_is_refused(text, what):
    with pytest.raises(UsageError, match=re.escape(what)) as refused:
        said(text, regex=True)
    assert "--mode router" in refused.value.hint


def test_a_method_is_compared_exactly():
    with pytest.raises(UsageError, match="the method like that"):
        route_match(Match((Condition("method", "", "prefix", "P"),)))


def both(ours, theirs):
    found = list(before(said(ours), [said(theirs)]))
    assert found[0] == said(ours)
    return found[1] if len(found) > 1 else None


def test_what_wants_theirs_and_ours_stands_before_theirs():
    found = both("header:version=ci", "path:/api,method=GET,header:x=1,query:q=2")
    assert found == said("path:/api,method=GET,header:x=1,header:version=ci,query:q=2")


@pytest.mark.parametrize(
    ("ours", "theirs", "path"),
    [
        ("path:/api", "path:/api/v1", {"type": "PathPrefix", "value": "/api/v1"}),
        ("path:/api/v1", "path:/api,method=GET", {"type": "PathPrefix", "value": "/api/v1"}),
        ("path=/api/v1", "path:/api,method=GET", {"type": "Exact", "value": "/api/v1"}),
        ("path:/api", "path=/api", {"type": "Exact", "value": "/api"}),
        ("path:/", "path=/x", {"type": "Exact", "value": "/x"}),
    ],
)
def test_of_two_paths_the_narrower_holds_for_both(ours, theirs, path):
    found = both(ours, theirs)
    assert found is not None
    assert found["path"] == path


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("path:/api", "path:/apis"),
        ("path=/a", "path=/b"),
        ("path=/api", "path:/api/v1"),
        ("method=GET", "method=POST"),
        ("header:a=1", "header:a=2"),
        ("query:a=1", "query:a=2"),
        ("path:/api,header:a=1", "path:/api"),
    ],
)
def test_where_nothing_is_both_nothing_is_added(ours, theirs):
    assert both(ours, theirs) is None


def test_a_regular_expression_is_below_the_whole_tree_alone():
    ours = said("path~=/v[0-9]", regex=True)
    everything, some = {"headers": [{"name": "A", "value": "1"}]}, {"path": {"value": "/v1"}}
    [_, whole] = before(ours, [everything, some])
    assert whole == {"path": ours["path"], "headers": [{"name": "A", "value": "1"}]}


def test_the_same_wish_twice_is_one():
    assert said("header:a=1,header:a=1,path=/x,path=/x") == said("header:a=1,path=/x")
