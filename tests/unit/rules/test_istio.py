from dataclasses import replace
from typing import Any

import pytest

from ktconnect.errors import UsageError
from ktconnect.rules.istio import (
    REST,
    Rules,
    destination_rule,
    is_ours,
    may_be_http,
    merged,
    policy_for,
    virtual_service,
)
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Match, Share

RULES = Rules("web", (80, 81))
ONE = Rules("web", (80,), single=True)


def share(mark, *matches, kind="mesh", since="1", ports=(80,), percent=100.0, leaving=False):
    said = tuple(map(parse_match, matches or (f"header:version={mark}",)))
    name = f"web-kt-{kind}-{mark}"
    return Share(kind, name, "10.96.0.9", mark, "ann", since, said, ports, percent, leaving)


def names(rules):
    return [rule["name"] for rule in rules]


def test_a_rule_leads_a_mark_to_the_sessions_service_and_says_who_answered():
    [rule] = ONE.taking([share("ci")])
    assert rule["name"] == "kt-mesh-web-kt-mesh-ci-80"
    assert rule["match"] == [{"headers": {"version": {"exact": "ci"}}}]
    assert rule["route"] == [{"destination": {"host": "web-kt-mesh-ci", "port": {"number": 80}}}]
    said = rule["headers"]["response"]["set"]
    assert said == {"x-kt-served-by": "ci", "cache-control": "no-store"}


def test_an_exchange_takes_all_and_its_callers_hear_nothing_of_it():
    everything = replace(share("abcde", kind="exchange"), matches=(Match(),))
    [rule] = ONE.taking([everything])
    assert rule["name"] == "kt-exchange-web-kt-exchange-abcde-80"
    assert is_ours(rule)
    assert "match" not in rule
    assert "headers" not in rule
    rules = RULES.taking([replace(everything, ports=(80, 81))])
    assert [rule["match"] for rule in rules] == [[{"port": 80}], [{"port": 81}]]


def test_nothing_that_a_laptop_may_have_seen_is_sent_again():
    [rule] = ONE.taking([share("ci")])
    assert rule["retries"]["retryOn"] == "connect-failure,refused-stream"


def test_each_port_has_a_rule_of_its_own():
    rules = RULES.taking([share("ci", ports=(80, 81, 443))])
    assert [rule["match"][0]["port"] for rule in rules] == [80, 81]
    ways = [rule["route"][0]["destination"]["port"]["number"] for rule in rules]
    assert ways == [80, 81]
    assert RULES.names(share("ci", ports=(80, 81, 443))) == tuple(names(rules))


def test_rules_stand_in_the_order_in_which_they_are_asked():
    wide, narrow = share("a", since="1"), share("b", "header:version=a,path:/api", since="2")
    assert names(ONE.taking([wide, narrow])) == [
        "kt-mesh-web-kt-mesh-b-80",
        "kt-mesh-web-kt-mesh-a-80",
    ]


def test_each_alternative_has_its_own_place():
    several = share("a", "header:x=1", "header:x=1,path:/api")
    assert names(ONE.taking([several])) == [
        "kt-mesh-web-kt-mesh-a-80-1",
        "kt-mesh-web-kt-mesh-a-80",
    ]
    assert set(ONE.names(several)) == set(names(ONE.taking([several])))


def test_what_one_user_wants_in_vain_does_not_stop_the_others():
    others = (
        share("bad", "sni:shop.example.com"),
        share("gone", leaving=True),
        share("tcp", ports=(5,)),
    )
    assert names(ONE.taking([*others, share("ci")])) == ["kt-mesh-web-kt-mesh-ci-80"]


def test_a_share_is_checked_before_it_is_put_in():
    ONE.check(share("ci"))
    with pytest.raises(UsageError, match="SNI"):
        ONE.check(share("bad", "sni:shop.example.com"))
    with pytest.raises(UsageError, match=r"port 6379 of web.* not HTTP"):
        ONE.check(share("bad", ports=(6379,)))


def test_an_own_virtual_service_leads_everybody_else_to_the_service():
    whole = virtual_service({"name": "web-kt-mesh"}, ONE, [share("ci"), share("m", kind="mirror")])
    assert whole["spec"]["hosts"] == ["web"]
    assert whole["spec"]["gateways"] == ["mesh"]
    assert names(whole["spec"]["http"]) == [
        "kt-mesh-web-kt-mesh-ci-80",
        "kt-mirror-web-kt-mirror-m-80",
        REST,
    ]
    assert whole["spec"]["http"][-1]["route"] == [{"destination": {"host": "web"}}]
    assert "match" not in whole["spec"]["http"][-1]


def test_a_mirror_gets_copies_and_the_service_answers():
    [rule] = ONE.copying([share("m", "path:/", kind="mirror", percent=25.0)])
    assert rule["route"] == [{"destination": {"host": "web", "port": {"number": 80}}}]
    assert rule["mirrors"] == [
        {
            "destination": {"host": "web-kt-mirror-m", "port": {"number": 80}},
            "percentage": {"value": 25.0},
        }
    ]


def test_two_mirrors_that_want_the_same_both_get_it():
    one, two = share("a", "header:x=1", kind="mirror"), share("b", "path=/y", kind="mirror")
    both, *each = ONE.copying([one, two])
    assert both["match"] == [{"headers": {"x": {"exact": "1"}}, "uri": {"exact": "/y"}}]
    assert [way["destination"]["host"] for way in both["mirrors"]] == [one.service, two.service]
    assert [len(rule["mirrors"]) for rule in each] == [1, 1]


def test_mirrors_of_other_requests_or_ports_have_nothing_in_common():
    one, two = share("a", "path=/x", kind="mirror"), share("b", "path=/y", kind="mirror")
    assert [len(rule["mirrors"]) for rule in ONE.copying([one, two])] == [1, 1]
    other = share("c", "path=/x", kind="mirror", ports=(81,))
    assert [len(rule["mirrors"]) for rule in RULES.copying([one, other])] == [1, 1]
    assert ONE.copying([]) == []


def test_mirror_and_mesh_do_not_get_into_each_others_rules():
    assert ONE.taking([share("m", kind="mirror")]) == []
    assert ONE.copying([share("ci"), share("m", kind="mirror", leaving=True)]) == []


THEIRS: list[dict[str, Any]] = [
    {"match": [{"uri": {"prefix": "/v2"}}], "route": []},
    {"name": "all", "route": []},
]


def test_ours_stand_in_front_of_the_users_own():
    wanted = ONE.taking([share("ci")])
    assert merged(THEIRS, wanted, ONE.names(share("ci"))) == [*wanted, *THEIRS]


def test_a_session_puts_in_its_own_alone_at_its_place():
    a, b, c = share("a", since="1"), share("b", since="2"), share("c", since="3")
    wanted = ONE.taking([a, b, c])
    strange = {"name": "kt-mesh-unknown-80"}
    now = [wanted[0], wanted[2], strange, *THEIRS]
    assert merged(now, wanted, ONE.names(b)) == [*wanted, strange, *THEIRS]
    assert merged([strange, *THEIRS], wanted, ONE.names(b)) == [wanted[1], strange, *THEIRS]


def test_taken_out_the_users_list_is_what_it_was():
    first, second = ONE.taking([share("ci", since="1"), share("cj", since="2")])
    own = ONE.names(share("ci"))
    assert merged([first, second, *THEIRS], [], own) == [second, *THEIRS]
    assert merged([first, *THEIRS], [], own) == THEIRS


def test_an_own_rule_that_somebody_has_changed_is_put_right():
    wanted = ONE.taking([share("ci")])
    assert merged([{**wanted[0], "route": []}], wanted, ONE.names(share("ci"))) == wanted


def test_rules_are_ours_by_their_names():
    assert is_ours({"name": "kt-mesh-web-80"})
    assert not is_ours({"name": "kt"})
    assert not is_ours({})


@pytest.mark.parametrize(
    ("port", "http"),
    [
        ({"port": 80}, True),
        ({"port": 80, "name": "http-web"}, True),
        ({"port": 80, "name": "tcp-web"}, False),
        ({"port": 80, "name": "tcp-web", "appProtocol": "grpc"}, True),
        ({"port": 443, "name": "https"}, False),
        ({"port": 53, "protocol": "UDP"}, False),
        ({"port": 3306}, False),
    ],
)
def test_which_ports_istio_reads(port, http):
    assert may_be_http(port) is http


def dest(host="web", age="1", namespace="shop", **spec):
    metadata = {"name": "r", "namespace": namespace, "creationTimestamp": age}
    return {"metadata": metadata, "spec": {"host": host, **spec}}


POLICY = {"tls": {"mode": "DISABLE"}, "outlierDetection": {"consecutive5xxErrors": 1}}


def test_the_oldest_policy_for_just_this_host_is_the_users():
    rules = [
        dest(age="3", trafficPolicy={"tls": {"mode": "SIMPLE"}}),
        dest(age="2", trafficPolicy=POLICY),
        dest(age="1"),
        dest("*.local", trafficPolicy=POLICY),
        dest("api", trafficPolicy=POLICY),
    ]
    found = policy_for(rules, "web", "shop")
    assert found is not None
    assert found["trafficPolicy"] == POLICY
    assert policy_for(rules[2:], "web", "shop") is None


def test_a_policy_is_copied_without_what_would_eject_the_only_agent():
    policy = {**POLICY, "portLevelSettings": [{"port": {"number": 80}, **POLICY}]}
    spec: dict[str, Any] = {
        "host": "web",
        "trafficPolicy": policy,
        "subsets": [],
        "exportTo": ["."],
    }
    copy = destination_rule({"name": "x"}, spec, "web-kt-mesh-ci")
    assert copy is not None
    assert copy["spec"] == {
        "host": "web-kt-mesh-ci",
        "trafficPolicy": {
            "tls": {"mode": "DISABLE"},
            "portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}],
        },
        "exportTo": ["."],
    }


def test_a_policy_of_nothing_else_is_not_copied():
    spec: dict[str, Any] = {"trafficPolicy": {"outlierDetection": {}}}
    assert destination_rule({}, spec, "web-kt-mesh-ci") is None


def test_a_mirror_may_want_every_request():
    everything = Share("mirror", "s", "", "m", "ann", "1", (Match(),), (80,))
    assert "match" not in ONE.copying([everything])[0]
    assert RULES.copying([everything])[0]["match"] == [{"port": 80}]
