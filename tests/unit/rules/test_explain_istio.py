import pytest
from tests.unit.rules.explaining import WEB, facts, plain, share, why

from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Caller, Endpoint, Laptop, Others, Place
from ktconnect.rules.explain_istio import host_of, istio_ruling, unmet
from ktconnect.rules.request import Request

ISTIO = Caller("Pod front-1", "shop", {"app": "front"}, "istio")
SENT = Request(
    "POST", "/api/x", (("debug", "1"),), (("version", "ci"), ("x-user", "ann")), "web.shop"
)


def service(*http, name="web", hosts=("web",), since="2026-01-01T00:00:00Z", **spec):
    return {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": since},
        "spec": {"hosts": list(hosts), "http": list(http), **spec},
    }


def to(host, *, match=None, name="", **more):
    rule = {"route": [{"destination": {"host": host, **more.pop("destination", {})}}], **more}
    if match is not None:
        rule["match"] = match
    return {"name": name, **rule} if name else rule


def asked(*rules, request=SENT, subsets=(), **fields):
    fields = {"caller": ISTIO, **fields}
    others = Others(tuple(rules), tuple(subsets))
    return explain(request, plain(others=others, **fields))


CI = {"headers": {"version": {"exact": "ci"}}}


def test_a_rule_for_a_session_leads_to_its_laptop():
    mine = share()
    rule = service(to("web-kt-mesh-ci", match=[CI], name="kt-mesh-ci"), to("web"))
    said = explain(SENT, facts(mine, caller=ISTIO, others=Others((rule,))))
    assert (said.answer.by, said.answer.mark, said.served_by) == ("laptop", "ci", "ci")
    assert "VirtualService shop/web, rule kt-mesh-ci leads to" in why(said, "Istio's sidecar")


def test_the_first_rule_that_matches_wins_and_those_before_it_are_told():
    said = asked(service(to("next", match=[{"headers": {"version": {"exact": "CI"}}}]), to("web")))
    assert said.answer.by == "origin"
    told = why(said, "Istio's sidecar")
    assert "rule 2 leads to Service web" in told
    assert "rule 1 does not match: header version is 'ci', the rule wants 'CI'" in told


def test_where_no_rule_matches_the_proxy_says_404():
    said = asked(service(to("next", match=[{"method": {"exact": "GET"}}])))
    assert said.answer.by == "rule"
    assert "404, as no rule of it matches" in said.answer.who


def test_of_several_for_the_same_host_the_oldest_is_heard():
    young = service(to("next"), name="young", since="2026-02-01T00:00:00Z")
    said = asked(young, service(to("web")))
    told = why(said, "Istio's sidecar")
    assert "VirtualService shop/web, rule 1" in told
    assert "VirtualService shop/young is for the same host and comes later: not heard" in told


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"uri": {"prefix": "/api"}},
        {"uri": {"exact": "/API/X"}, "ignoreUriCase": True},
        {"uri": {"regex": "/a.*"}},
        {"method": {"exact": "POST"}, "scheme": {"exact": "http"}},
        {"authority": {"prefix": "web"}},
        {"headers": {"x-user": {}}},
        {"queryParams": {"debug": {"exact": "1"}}},
        {"withoutHeaders": {"x-team": {}}},
        {"port": 80, "sourceLabels": {"app": "front"}, "sourceNamespace": "shop"},
        {"gateways": ["mesh"]},
    ],
)
def test_every_part_of_a_match_can_hold(match):
    assert unmet({"match": [match]}, SENT, plain(caller=ISTIO)) == ""


@pytest.mark.parametrize(
    ("match", "missing"),
    [
        ({"uri": {"prefix": "/b"}}, "uri is '/api/x', the rule wants one that begins with '/b'"),
        ({"uri": {"exact": "/API/X"}}, "uri is '/api/x', the rule wants '/API/X'"),
        (
            {"headers": {"x": {"regex": "a"}}},
            "header x is missing, the rule wants what matches 'a'",
        ),
        ({"headers": {"x": {}}}, "header x is missing, the rule wants any"),
        ({"queryParams": {"debug": {"exact": "0"}}}, "parameter debug is '1', the rule wants '0'"),
        (
            {"withoutHeaders": {"X-User": {"exact": "ann"}}},
            "header X-User is 'ann', the rule wants it not to be",
        ),
        ({"port": 81}, "port is 80, the rule wants 81"),
        ({"sourceLabels": {"app": "x"}}, "Pod front-1 has not the labels app=x"),
        ({"sourceNamespace": "x"}, "the caller is in shop, the rule wants x"),
        ({"gateways": ["edge"]}, "it is for gateways alone: edge"),
    ],
)
def test_what_keeps_a_match_from_holding_is_told(match, missing):
    assert unmet({"match": [match]}, SENT, plain(caller=ISTIO)) == missing


def test_the_nearest_alternative_is_told():
    far = {"port": 81, "method": {"exact": "GET"}}
    near = {"method": {"exact": "GET"}}
    said = unmet({"match": [far, near]}, SENT, plain(caller=ISTIO))
    assert said == "method is 'POST', the rule wants 'GET'"


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ({"redirect": {"uri": "/"}}, "a redirect, 301"),
        ({"directResponse": {"status": 503}}, "503, by the rule itself"),
        ({"delegate": {"name": "more"}}, "what VirtualService more says, which is not followed"),
        ({"route": []}, "503, as it leads to nobody"),
    ],
)
def test_some_rules_answer_themselves(rule, ends):
    said = asked(service(rule))
    assert said.answer.by == "rule"
    assert said.answer.who.endswith(ends)


def test_splits_and_faults_are_told_and_the_heaviest_is_followed():
    ways = [
        {"destination": {"host": "web"}, "weight": 90},
        {"destination": {"host": "next"}, "weight": 10},
    ]
    said = asked(service({"route": ways, "fault": {"abort": {"percentage": {"value": 5}}}}))
    told = why(said, "Istio's sidecar")
    assert "it splits: 90 % to Service web, 10 % to Service next" in told
    assert "it puts a fault in: abort, of 5 % of requests" in told
    assert said.answer.by == "origin"


def test_mirrors_are_copies():
    one = to("web", mirror={"host": "copy"}, mirrorPercentage={"value": 5})
    [copy] = asked(service(one)).copies
    assert (copy.to, copy.percent, copy.alive) == ("Service copy", 5, False)
    several = to("web", mirrors=[{"destination": {"host": "copy"}}])
    [copy] = asked(service(several)).copies
    assert copy.percent == 100


def test_a_session_that_gets_copies_is_named():
    mine = share("abcde", "path:/", kind="mirror")
    rule = service(to("web", mirror={"host": mine.service}))
    said = explain(SENT, facts(mine, behind=(WEB,), caller=ISTIO, others=Others((rule,))))
    [copy] = said.copies
    assert (copy.user, copy.session, copy.alive) == ("ann@laptop", "kt-mirror-web-abcde", True)


def subset(name, **labels):
    spec = {"host": "web", "subsets": [{"name": name, "labels": labels}]}
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def test_subsets_are_some_of_the_pods():
    rule = service(to("web", destination={"subset": "v1"}))
    assert asked(rule, subsets=[subset("v1", version="v1")]).answer.pods == ("web-1",)
    said = asked(rule, subsets=[subset("v1", version="v2")])
    assert said.answer.who == "no ready Pod is in subset v1: 503"
    other = {**subset("v1"), "spec": {"host": "api"}}
    said = asked(rule, subsets=[other, subset("v2", version="v2")])
    assert said.answer.who == "no DestinationRule knows subset v1: 503"


def test_a_subset_may_be_somebodys_agent_alone():
    agent = Endpoint("agent-1", True, {"app": "web", "version": "ci"}, "shadow-mesh", "a")
    web = Place("web", "shop", (WEB, agent), {"app": "web"})
    bob = Laptop("kt-mesh-web.ci", "mesh", "bob@pc", alive=True)
    rule = service(to("web", destination={"subset": "ci"}))
    ci = subset("ci", version="ci")
    said = asked(rule, subsets=[ci], service=web, laptops={"a": bob})
    assert (said.answer.by, said.answer.user) == ("laptop", "bob@pc")


def test_a_host_that_is_not_there_answers_nobody():
    said = asked(service(to("nix")))
    assert said.answer.by == "nobody"
    said = asked(service(to("nix.other.svc.cluster.local")))
    assert said.answer.by == "unknown"


def test_hosts_are_short_or_long():
    assert host_of("web", "shop") == ("web", "shop")
    assert host_of("web.x.svc.cluster.local", "shop") == ("web", "x")


def test_without_a_rule_for_the_host_nothing_is_decided():
    assert istio_ruling(SENT, plain(caller=ISTIO)) is None
    hidden = service(to("next"), exportTo=["elsewhere"])
    assert asked(hidden).answer.by == "origin"
