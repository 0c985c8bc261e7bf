"""Which rule is asked first, and who is told of whom."""

from dataclasses import replace

import pytest

from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Condition, Match, Share
from ktconnect.rules.order import may_both_hold, ordered, overlaps, unusable, why_before


def share(name, *matches, since="2026-01-01T00:00:00Z", kind="mesh", **more):
    said = tuple(map(parse_match, matches or (f"header:version={name}",)))
    service = f"web-kt-{kind}-{name}"
    given = {"ports": (80,), "address": "10.96.0.7"} | more
    return Share(kind, service, given.pop("address"), name, f"{name}@laptop", since, said, **given)


LATER = "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (share("b", "path:/a,header:x=1"), share("a", "header:x=1"), "it has more conditions"),
        (share("b", "header:x=1"), share("a", "header:x^=111"), "more of it is exact"),
        (share("b", "header:x^=1"), share("a", "header:x~=1111"), "a prefix, not a pattern"),
        (share("b", "path:/api/v1"), share("a", "path:/api"), "its values are longer"),
        (share("b"), share("a", since=LATER), "it was there first (since 2026-01-01T00:00:00Z)"),
        (share("a"), share("b"), "web-kt-mesh-a comes before web-kt-mesh-b by name"),
    ],
)
def test_each_step_of_the_order_decides_and_says_so(first, second, why):
    rules = ordered([second, first])
    assert [rule.share for rule in rules] == [first, second]
    assert why in why_before(*rules)


def test_the_order_does_not_hang_on_the_order_in_which_they_are_listed():
    shares = [share(name, since=LATER if name in "ac" else "2026") for name in "abcde"]
    assert ordered(shares) == ordered(reversed(shares))


def test_who_leaves_has_no_rules():
    assert ordered([share("a", leaving=True)]) == ()


def test_the_alternatives_of_one_are_rules_of_their_own():
    rules = ordered([share("a", "path:/x", "path:/x/y,header:b=1")])
    assert [len(rule.match.conditions) for rule in rules] == [2, 1]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("header:version=a", "header:version=b", False),
        ("header:version=a", "header:user=b", True),
        ("header:version=a", "header:version^=a", True),
        ("header:version=a", "header:version^=b", False),
        ("header:version=a", "header:version~=b", True),
        ("header:version^=a", "header:version^=ab", True),
        ("header:version^=a", "header:version^=b", False),
        ("header:version~=a", "header:version~=b", True),
        ("path:/api", "path:/api/v1", True),
        ("path:/api", "path:/apix", False),
        ("path:/api", "path=/api/x", True),
        ("path:/api", "path=/b", False),
        ("grpc:shop.Cart", "path:/shop.Cart", True),
        ("grpc:shop.Cart", "grpc:shop.Cart/Add", True),
        ("grpc:shop.Cart/Add", "grpc:shop.Cart/Del", False),
        ("method=GET", "method=POST", False),
        ("sni:a.test", "header:a=1", False),
        ("sni:a.test", "sni:a.test", True),
        ("sni:a.test", "sni:*.test", True),
        ("sni:*.test", "sni:*.a.test", True),
        ("sni:a.test", "sni:b.test", False),
    ],
)
def test_whether_two_can_mean_one_request(one, other, both):
    first, second = parse_match(one), parse_match(other)
    assert may_both_hold(first, second) is both
    assert may_both_hold(second, first) is both


def test_an_overlap_says_who_gets_what_and_why():
    ann, bob = share("ann", "path:/api"), share("bob", "path:/api/v1", since=LATER)
    [overlap] = overlaps(ann, [bob])
    assert overlap.first.share == bob
    text = str(overlap)
    assert "bob@laptop (bob) gets the request, not ann@laptop (ann)" in text
    assert "its values are longer" in text
    assert "/api" in text


def test_of_the_same_match_the_older_wins():
    ann, bob = share("ann", "path:/"), share("bob", "path:/", since=LATER)
    [overlap] = overlaps(bob, [ann])
    assert overlap.first.share == ann
    assert str(overlap).count("path") == 1
    assert "it was there first" in overlap.why


def test_who_stands_in_nobodys_way_is_not_told_of():
    ann = share("ann", "path:/")
    others = [
        ann,
        share("bob", "path:/", ports=(81,)),
        share("eve", "path:/", leaving=True),
        share("mim", "path:/", kind="mirror"),
    ]
    assert overlaps(ann, others) == ()
    assert overlaps(replace(ann, kind="mirror"), [share("bob", "path:/")]) == ()
    assert overlaps(share("ann"), [share("bob")]) == ()


@pytest.mark.parametrize(
    ("share", "why"),
    [
        (replace(share("a"), mark='x"y'), "no header can say"),
        (share("a", percent=101.0), "no share of a hundred"),
        (replace(share("a"), matches=()), "of no request"),
        (
            replace(share("a"), matches=(Match((Condition("path", "", "regex", "("),)),)),
            "no regular expression",
        ),
    ],
)
def test_what_no_proxy_can_read_is_found_before(share, why):
    assert why in unusable(share)


def test_what_every_proxy_can_read_is_usable():
    assert unusable(share("a", address="fd00::7")) == ""
    assert unusable(replace(share("a"), matches=(Match(),))) == ""
