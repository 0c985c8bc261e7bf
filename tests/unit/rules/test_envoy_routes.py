"""Which request goes where."""

import json
import re
from dataclasses import replace

import pytest
from tests.unit.rules.test_order import share

from ktconnect.rules.envoy_routes import MOST_COPIES, routes_text
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Match
from ktconnect.rules.plan import RoutedPort, RoutePlan

PORT = RoutedPort(80, 8080, "http")


def host(*shares):
    plan = RoutePlan("shop", "web", (PORT,), shares, "10.96.0.9")
    [resource] = json.loads(routes_text(plan, PORT, "1"))["resources"]
    [virtual] = resource["virtual_hosts"]
    return virtual


def routes(*shares):
    """All but those that are for gRPC alone."""
    return [each for each in host(*shares)["routes"] if "grpc" not in each["match"]]


def match_of(text):
    return routes(share("ann", text))[0]["match"]


def header(name, **match):
    return {"prefix": "/", "headers": [{"name": name, "string_match": match}]}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("header:X-User=ann", header("x-user", exact="ann")),
        ("header:x-user^=an", header("x-user", prefix="an")),
        ("header:x-user~=an.*", header("x-user", safe_regex={"regex": "an.*"})),
        ("method=POST", header(":method", exact="POST")),
        ("path:/api", {"path_separated_prefix": "/api"}),
        ("path:/", {"prefix": "/"}),
        ("path=/api", {"path": "/api"}),
        ("path~=/a.*", {"safe_regex": {"regex": "/a.*"}}),
        ("grpc:shop.Cart", {"path_separated_prefix": "/shop.Cart"}),
        ("grpc:shop.Cart/Add", {"path": "/shop.Cart/Add"}),
        (
            "query:debug=1",
            {
                "prefix": "/",
                "query_parameters": [{"name": "debug", "string_match": {"exact": "1"}}],
            },
        ),
    ],
)
def test_a_condition_as_envoy_says_it(text, match):
    assert match_of(text) == match


def test_a_cookie_is_a_pattern_of_its_header():
    [told] = match_of("cookie:user=ann")["headers"]
    assert told["name"] == "cookie"
    assert re.fullmatch(told["string_match"]["safe_regex"]["regex"], "a=1; user=ann")


def test_rules_stand_in_their_order_and_the_origin_comes_last():
    found = routes(share("ann", "path:/"), share("bob", "header:a=1,path:/b"))
    assert [each["name"] for each in found] == ["web-kt-mesh-bob", "web-kt-mesh-ann", "origin"]
    assert [each["route"]["cluster"] for each in found] == [
        "web-kt-mesh-bob|80",
        "web-kt-mesh-ann|80",
        "origin|80",
    ]
    assert found[-1]["match"] == {"prefix": "/"}
    assert all(each["route"]["timeout"] == "0s" for each in found)


def test_what_only_tls_shows_is_no_rule_for_requests():
    found = routes(share("ann", "sni:a.test", "path:/a"))
    assert [each["name"] for each in found] == ["web-kt-mesh-ann", "origin"]


def test_answers_say_who_gave_them_and_who_may_keep_them():
    told = {
        each["header"]["key"]: each["header"]["value"] for each in host()["response_headers_to_add"]
    }
    assert told == {
        "x-kt-served-by": "%UPSTREAM_METADATA(kt:by)%",
        "cache-control": "%UPSTREAM_METADATA(kt:cache)%",
    }


def test_only_what_nobody_has_seen_is_sent_again():
    said = host()["retry_policy"]["retry_on"].split(",")
    assert set(said) == {"connect-failure", "refused-stream", "reset-before-request"}


# -- copies


def mirror(name, *matches, **more):
    return share(name, *matches, kind="mirror", **more)


def copies(route):
    policies = route["route"].get("request_mirror_policies", ())
    return [each["cluster"].removesuffix("|80").removeprefix("web-kt-mirror-") for each in policies]


def test_a_copy_of_everything_changes_no_rule():
    everything = replace(mirror("m"), matches=(Match(),))
    found = routes(share("ann"), everything)
    assert [copies(each) for each in found] == [[], ["m"]], "what is ann's is not the origin's"


def test_a_copy_of_a_part_is_a_rule_of_its_own():
    found = routes(mirror("m", "path:/api", "header:a=1"))
    assert [(each["match"], copies(each)) for each in found] == [
        ({"path_separated_prefix": "/api"}, ["m"]),
        (header("a", exact="1"), ["m"]),
        ({"prefix": "/"}, []),
    ]
    assert {each["route"]["cluster"] for each in found} == {"origin|80"}


def test_a_request_that_two_mirrors_mean_goes_to_both():
    found = routes(mirror("m", "path:/api"), mirror("n", "path:/api/v1", since="2026-02"))
    both = found[0]
    assert copies(both) == ["m", "n"]
    assert both["match"]["path_separated_prefix"] == "/api"
    [second] = both["match"]["headers"]
    pattern = second["string_match"]["safe_regex"]["regex"]
    assert second["name"] == ":path"
    for path, fits in (("/api/v1", 1), ("/api/v1/x?y", 1), ("/api/v1?y", 1), ("/api/v11", 0)):
        assert bool(re.fullmatch(pattern, path)) == bool(fits)
    assert [copies(each) for each in found[1:]] == [["m"], ["n"], []]


def test_what_no_request_can_be_is_no_rule():
    found = routes(mirror("m", "header:a=1"), mirror("n", "header:a=2"))
    assert sorted(map(copies, found)) == [[], ["m"], ["n"]]


def test_a_part_of_the_requests_is_said_in_millionths():
    [found, _] = routes(mirror("m", "path:/api", percent=12.5))
    [policy] = found["route"]["request_mirror_policies"]
    assert policy["runtime_fraction"]["default_value"] == {
        "numerator": 125_000,
        "denominator": "MILLION",
    }
    assert policy["disable_shadow_host_suffix_append"] is True


def test_copies_of_grpc_go_by_another_way():
    found = host(mirror("m", "path:/api"), mirror("n", "header:a=1"))["routes"]
    assert [("grpc" in each["match"], copies(each)) for each in found] == [
        (True, ["m|80|grpc", "n|80|grpc"]),
        (False, ["m", "n"]),
        (True, ["m|80|grpc"]),
        (False, ["m"]),
        (True, ["n|80|grpc"]),
        (False, ["n"]),
        (False, []),
    ]
    for grpc, other in zip(found[:-1:2], found[1::2], strict=True):
        assert grpc["match"] == {**other["match"], "grpc": {}}


def test_who_leaves_gets_no_copies():
    assert [copies(each) for each in routes(mirror("m", "path:/", leaving=True))] == [[]]


def test_ever_more_mirrors_do_not_multiply_for_ever():
    many = [mirror(f"m{n}", f"header:h{n}=1", since=f"2026-{n:02}") for n in range(12)]
    found = routes(*many)
    assert len(found) <= MOST_COPIES
    assert copies(found[0]) == [f"m{n}" for n in range(6)], "the oldest have theirs"


def test_a_path_that_is_a_pattern_stands_beside_another():
    found = routes(mirror("m", "path=/a"), mirror("n", "path~=/a|/b"))
    [second] = found[0]["match"]["headers"]
    assert second["string_match"]["safe_regex"]["regex"] == r"(?:/a|/b)(?:\?.*)?"
    assert parse_match("path~=/a|/b").conditions[0].value == "/a|/b"
