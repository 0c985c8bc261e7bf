"""What ``--match`` says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import UsageError
from ktconnect.rules.match import (
    check_condition,
    check_match,
    condition_text,
    cookie_regex,
    match_text,
    parse_match,
)
from ktconnect.rules.model import Condition, Match


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("header:X-User=ann", Condition("header", "x-user", "exact", "ann")),
        ("header:x-user=", Condition("header", "x-user", "exact", "")),
        ("header:x-user^=an", Condition("header", "x-user", "prefix", "an")),
        ("header:x-user~=an.*", Condition("header", "x-user", "regex", "an.*")),
        ("cookie:User=a=b", Condition("cookie", "User", "exact", "a=b")),
        ("query:debug=1", Condition("query", "debug", "exact", "1")),
        ("path:/api/", Condition("path", "", "prefix", "/api")),
        ("path^=/api", Condition("path", "", "prefix", "/api")),
        ("path:/", Condition("path", "", "prefix", "/")),
        ("path=/api/x", Condition("path", "", "exact", "/api/x")),
        ("path==/api/x", Condition("path", "", "exact", "/api/x")),
        ("path~=/v[0-9]+", Condition("path", "", "regex", "/v[0-9]+")),
        ("method:GET", Condition("method", "", "exact", "GET")),
        ("method~=PUT|POST", Condition("method", "", "regex", "PUT|POST")),
        ("grpc:shop.Cart/Add", Condition("grpc", "", "exact", "shop.Cart/Add")),
        ("grpc:shop.Cart", Condition("grpc", "", "prefix", "shop.Cart/")),
        ("sni:*.Shop.test", Condition("sni", "", "exact", "*.shop.test")),
    ],
)
def test_one_condition(text, condition):
    assert parse_match(text) == Match((condition,))
    assert parse_match(match_text(Match((condition,)))) == Match((condition,))


def test_conditions_with_a_comma_between_must_all_hold():
    match = parse_match(r"header:a~=b{1\,2}, path:/api ,path:/api")
    assert [one.value for one in match.conditions] == ["b{1,2}", "/api"]
    assert match_text(match) == r"header:a~=b{1\,2},path:/api"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty condition"),
        ("path:/a,", "empty condition"),
        ("ann", "no part of a request"),
        (":x=1", "no part of a request"),
        ("header:x-user", "what is wanted"),
        ("method", "what is wanted"),
        ("header:x user=1", "no name of a header"),
        ("header:x^=", "begins with nothing"),
        ("path:api", "is no path"),
        ("path:/ü", "percent-encoded"),
        ("path=/a?b=1", "is no path"),
        ("method^=P", "as a whole"),
        ("method=GET POST", "is no method"),
        ("grpc:/Add", "is not package.Service"),
        ("grpc~=.*", "as a whole"),
        ("sni~=.*", "as a whole"),
        ("sni:a..b", "no server name"),
        ("sni:a.test,path:/", "sni stands alone"),
        ("header:a=1,header:A^=2", "only one condition can be for the header a"),
        ("path:/a,grpc:x.Y", "only one condition can be for the path"),
        ("header:a=b\\", "backslash"),
        ("header:a=b\x07", "control characters"),
        ("header:a~=(?=b)", "looks ahead"),
        ("header:a=" + "b" * 1025, "longer than 1024"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_an_example(text, fault):
    with pytest.raises(UsageError, match="--match") as caught:
        parse_match(text)
    assert fault in str(caught.value)
    assert caught.value.hint


def test_what_others_wrote_is_checked_by_the_same_rules():
    with pytest.raises(UsageError, match="no name of a path"):
        check_condition(Condition("path", "why", "exact", "/"))
    with pytest.raises(UsageError, match="is no path"):
        check_match(Match((Condition("path", "", "prefix", "api"),)))


names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), max_size=20).filter(
    lambda text: text == text.strip() and "\x7f" not in text and not re.search("[\x80-\x9f]", text)
)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_a_match_reads_back_as_it_was_written(pairs):
    conditions = [Condition("header", name, "exact", value) for name, value in pairs]
    match = Match(tuple(conditions))
    if any(value.endswith("\\") for _, value in pairs):
        with pytest.raises(UsageError):
            check_match(match)
    else:
        assert parse_match(match_text(match)) == match


@given(st.text(max_size=40))
def test_whatever_is_said_is_read_or_refused(text):
    try:
        match = parse_match(text)
    except UsageError:
        return
    assert all(condition_text(one) for one in match.conditions)


@pytest.mark.parametrize(
    ("condition", "header", "holds"),
    [
        (Condition("cookie", "user", "exact", "a.n"), "x=1; user=a.n; y=2", True),
        (Condition("cookie", "user", "exact", "a.n"), "user=ann", False),
        (Condition("cookie", "user", "exact", "ann"), "xuser=ann", False),
        (Condition("cookie", "user", "exact", "ann"), "user=anna", False),
        (Condition("cookie", "user", "prefix", "an"), "a=1;user=anna ; b=2", True),
        (Condition("cookie", "user", "regex", "a[nm]+|b"), "user=b", True),
        (Condition("cookie", "user", "regex", "a[nm]+|b"), "user=c; x=b", False),
    ],
)
def test_a_cookie_as_a_pattern_of_its_header(condition, header, holds):
    assert bool(re.fullmatch(cookie_regex(condition), header)) is holds
