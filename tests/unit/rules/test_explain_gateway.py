import pytest
from tests.unit.rules.explaining import facts, plain, share, why

from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Caller, Others
from ktconnect.rules.explain_gateway import gateway_ruling
from ktconnect.rules.request import Request

CALLER = Caller("Pod front-1", "shop", {}, "linkerd")
SENT = Request("POST", "/api/x", (("debug", "1"),), (("version", "ci"),))
VERSION = {"headers": [{"name": "Version", "value": "ci"}]}


def route(*rules, name="web", namespace="shop", accepted="True", since="2026-01-01T00:00:00Z"):
    parent = {"kind": "Service", "group": "", "name": "web", "namespace": "shop"}
    said = [{"type": kind, "status": accepted, "message": "no"} for kind in CONDITIONS]
    return {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": since},
        "spec": {"parentRefs": [parent], "rules": list(rules)},
        "status": {"parents": [{"conditions": said}] if accepted else []},
    }


CONDITIONS = ("Accepted", "ResolvedRefs")


def to(name, *matches, **more):
    rule = {"backendRefs": [{"name": name, "port": 80, **more.pop("ref", {})}], **more}
    return {**rule, "matches": list(matches)} if matches else rule


def asked(*routes, request=SENT, **fields):
    others = Others(http_routes=tuple(routes))
    return explain(request, plain(**{"caller": CALLER, "others": others, **fields}))


def ruled(*routes, request=SENT):
    ruling = gateway_ruling(request, plain(others=Others(http_routes=tuple(routes))))
    assert ruling is not None
    return ruling


def test_a_session_route_leads_to_its_laptop():
    mine = share()
    others = Others(http_routes=(route(to("web-kt-mesh-ci", VERSION), to("web")),))
    said = explain(SENT, facts(mine, caller=CALLER, others=others))
    assert (said.answer.by, said.served_by) == ("laptop", "ci")
    told = why(said, "Linkerd's proxy")
    assert "HTTPRoute shop/web, rule 1 leads to Service web-kt-mesh-ci" in told
    assert "rule 2 matches too, and comes later" in told


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": {"type": "Exact", "value": "/api/x"}}, {"path": {"value": "/api/x"}}),
        ({"path": {"value": "/api"}}, {"path": {"value": "/"}, **VERSION}),
        ({"method": "POST"}, VERSION),
        (VERSION, {"queryParams": [{"name": "debug", "value": "1"}]}),
        ({"queryParams": [{"name": "debug", "value": "1"}]}, {}),
    ],
)
def test_the_more_specific_rule_wins_whatever_the_order(first, second):
    ruling = ruled(route(to("second", second)), route(to("first", first), name="z"))
    assert ruling.leads[0].name == "first"


def test_of_rules_alike_the_older_route_wins_then_the_name():
    young = route(to("young"), name="a", since="2026-02-01T00:00:00Z")
    assert ruled(young, route(to("old"))).leads[0].name == "old"
    assert ruled(route(to("b"), name="b"), route(to("a"), name="a")).leads[0].name == "a"


@pytest.mark.parametrize(
    ("match", "missing"),
    [
        ({"path": {"value": "/b"}}, "path is '/api/x', the rule wants '/b'"),
        ({"path": {"type": "Exact", "value": "/api"}}, "path is '/api/x', the rule wants '/api'"),
        ({"path": {"type": "RegularExpression", "value": "/b.*"}}, "the rule wants '/b.*'"),
        ({"method": "GET"}, "method is POST, the rule wants GET"),
        ({"headers": [{"name": "X", "value": "1"}]}, "header X is missing, the rule wants '1'"),
        ({"headers": [{"name": "version", "value": "CI"}]}, "header version is 'ci', the rule"),
        ({"queryParams": [{"name": "debug", "value": "0"}]}, "parameter debug is '1', the rule"),
    ],
)
def test_what_keeps_a_rule_from_matching_is_told(match, missing):
    ruling = ruled(route(to("web", match)))
    assert ruling.ends == "404, as no rule of any route matches"
    assert missing in ruling.why[0]


def test_each_rule_is_told_once_by_what_is_nearest():
    far = {"method": "GET", **VERSION, "path": {"value": "/b"}}
    ruling = ruled(route(to("next", far, {"method": "GET"}), to("web")))
    assert ruling.why == (
        "HTTPRoute shop/web, rule 1 does not match: method is POST, the rule wants GET",
    )
    ruling = ruled(route(to("web", VERSION, {"method": "POST"}, {"method": "GET"})))
    assert ruling.why == ()


def test_patterns_match_as_a_whole():
    match = {"headers": [{"type": "RegularExpression", "name": "version", "value": "c."}]}
    assert ruled(route(to("web", match))).leads


def test_a_route_that_is_not_accepted_has_no_effect_and_that_is_told():
    ruling = ruled(route(to("next"), accepted="False"), route(to("web"), name="ok"))
    assert ruling.leads[0].name == "web"
    assert ruling.why[0] == "HTTPRoute shop/web is refused: no; no"
    assert "accepted by nobody yet" in ruled(route(to("next"), accepted="")).why[0]


def test_routes_of_other_namespaces_are_for_their_own_callers():
    foreign = route(to("next"), namespace="other")
    assert gateway_ruling(SENT, plain(others=Others(http_routes=(foreign,)))) is None
    caller = Caller("x", "other", {}, "linkerd")
    facts = plain(caller=caller, others=Others(http_routes=(foreign,)))
    assert gateway_ruling(SENT, facts) is not None


def test_copies_and_ends_are_read_off_filters():
    mirror = {"backendRef": {"name": "copy"}}
    kinds = [mirror, {**mirror, "percent": 5}, {**mirror, "fraction": {"numerator": 1}}]
    filters = [{"type": "RequestMirror", "requestMirror": each} for each in kinds]
    ruling = ruled(route(to("web", filters=filters)))
    assert [each.percent for each in ruling.copies] == [100, 5, 1]
    redirect = [{"type": "RequestRedirect", "requestRedirect": {}}]
    assert ruled(route(to("web", filters=redirect))).ends == "a redirect"
    assert ruled(route({"matches": [{}]})).ends == "500, as it leads nowhere"


def test_weights_and_ports_are_read():
    way = ruled(route(to("web", ref={"weight": 0}))).leads[0]
    assert (way.weight, way.port) == (0, 80)


def test_a_route_without_a_rule_that_fits_says_404():
    said = asked(route(to("web", {"method": "GET"})))
    assert said.answer.by == "rule"
