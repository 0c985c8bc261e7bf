import pytest

from ktconnect.rules.gateway import Port, Standing, attached, is_like, routes, standing
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Match, Share

PORT = Port("web", 80, alone=True)


def share(mark="ci", *matches, kind="mesh", percent=100.0):
    said = tuple(map(parse_match, matches or (f"header:version={mark}",)))
    return Share(kind, f"web-kt-{kind}-{mark}", "", mark, "ann", "1", said, (80,), percent)


def made(share, theirs=(), port=PORT):
    return routes(lambda name: {"name": name}, share, port, theirs, regex=False)


def rules(*wanted, parents=None, namespace="shop"):
    """A route of somebody else."""
    refs = parents or [{"group": "", "kind": "Service", "name": "web"}]
    return {
        "metadata": {"name": "theirs", "namespace": namespace},
        "spec": {"parentRefs": refs, "rules": list(wanted)},
    }


def test_a_route_leads_a_mark_to_the_sessions_service_and_all_else_to_the_origin():
    [route] = made(share())
    assert route["metadata"] == {"name": "web-kt-mesh-ci-80"}
    assert route["spec"]["parentRefs"] == [{"group": "", "kind": "Service", "name": "web"}]
    rest, rule = route["spec"]["rules"]
    assert rest == {"backendRefs": [{"name": "web", "port": 80}]}
    assert rule["matches"] == [{"headers": [{"type": "Exact", "name": "version", "value": "ci"}]}]
    assert rule["backendRefs"] == [{"name": "web-kt-mesh-ci", "port": 80}]
    said = rule["filters"][0]["responseHeaderModifier"]["set"]
    assert {each["name"]: each["value"] for each in said} == {
        "x-kt-served-by": "ci",
        "cache-control": "no-store",
    }


def test_one_of_several_ports_is_named():
    [route] = made(share(), port=Port("web", 80))
    assert route["spec"]["parentRefs"][0]["port"] == 80


def test_where_others_have_routes_all_else_is_theirs_to_say():
    [route] = made(share(), [rules({"matches": [{"path": {"value": "/api"}}]})])
    [rule] = route["spec"]["rules"]
    assert [each.get("path") for each in rule["matches"]] == [None, {"value": "/api"}]


def test_a_rule_of_others_without_match_means_everything():
    [route] = made(share(), [rules({})])
    [rule] = route["spec"]["rules"]
    assert len(rule["matches"]) == 2  # the second has the path that they mean


def test_many_matches_are_spread_over_rules_and_routes():
    found = made(share("ci", *(f"header:u=u{n}" for n in range(130))))
    assert [route["metadata"]["name"] for route in found] == [
        "web-kt-mesh-ci-80",
        "web-kt-mesh-ci-80-1",
    ]
    for route in found:
        every = route["spec"]["rules"]
        assert len(every) <= 16
        assert sum(len(rule.get("matches") or [1]) for rule in every) <= 128
    rests = [rule for route in found for rule in route["spec"]["rules"] if "matches" not in rule]
    assert len(rests) == 1


@pytest.mark.parametrize(
    ("percent", "said"),
    [
        (100.0, {}),
        (25.0, {"percent": 25}),
        (0.5, {"fraction": {"numerator": 500, "denominator": 100_000}}),
    ],
)
def test_a_mirror_gets_copies_and_the_service_answers(percent, said):
    [route] = made(share(kind="mirror", percent=percent))
    rule = route["spec"]["rules"][1]
    assert rule["backendRefs"] == [{"name": "web", "port": 80}]
    to = {"backendRef": {"name": "web-kt-mirror-ci", "port": 80}}
    assert rule["filters"] == [{"type": "RequestMirror", "requestMirror": {**to, **said}}]


def test_a_share_of_everything_leaves_nothing_to_the_origin_that_would_come_first():
    everything = Share("mirror", "s", "", "m", "ann", "1", (Match(),), (80,))
    [rule] = made(everything)[0]["spec"]["rules"]
    assert rule["matches"] == [{}]
    root = Share("mirror", "s", "", "m", "ann", "1", (parse_match("path:/"),), (80,))
    assert len(made(root)[0]["spec"]["rules"]) == 1


def test_routes_are_attached_by_service_namespace_and_port():
    def on(**parent):
        return rules(parents=[{"kind": "Service", "name": "web", **parent}])

    fits = [on(), on(group=""), on(port=80), on(namespace="shop")]
    others = [
        on(port=81),
        on(namespace="x"),
        on(name="api"),
        on(kind="Gateway"),
        on(group="g"),
        rules(namespace="x"),
    ]
    assert attached([*fits, *others], "web", "shop", 80) == fits


def test_what_the_server_fills_in_makes_no_other_route():
    wanted = {"spec": {"rules": [{"backendRefs": [{"name": "web"}]}]}}
    filled = {"spec": {"rules": [{"backendRefs": [{"name": "web", "weight": 1}], "matches": []}]}}
    assert is_like(filled, wanted)


@pytest.mark.parametrize(
    "stored",
    [
        {"spec": {}},
        {"spec": {"rules": []}},
        {"spec": {"rules": [{"backendRefs": [{"name": "x"}]}]}},
        {"spec": []},
        {"spec": {"rules": {"backendRefs": 1}}},
    ],
)
def test_what_has_lost_or_changed_a_field_is_another_route(stored):
    assert not is_like(stored, {"spec": {"rules": [{"backendRefs": [{"name": "web"}]}]}})


def said(status, kind="Accepted", seen=2, message=""):
    return {"type": kind, "status": status, "observedGeneration": seen, "message": message}


def stands(*parents):
    told = [{"controllerName": f"c{n}", "conditions": p} for n, p in enumerate(parents)]
    return standing({"metadata": {"generation": 2}, "status": {"parents": told}})


GOOD = [said("True"), said("True", "ResolvedRefs")]


def test_a_route_stands_once_it_is_accepted_and_its_backends_are_found():
    assert stands(GOOD) == Standing(True, "c0")
    assert stands([said("True")]) == Standing(None)
    assert stands([said("True", seen=1), said("True", "ResolvedRefs")]) == Standing(None)
    assert standing({"metadata": {}}) == Standing(None)


def test_who_turns_a_route_down_says_why():
    bad = [said("True"), said("False", "ResolvedRefs", message="no such Service")]
    assert stands(bad) == Standing(False, "c0", "no such Service")
    unspecific = [{**said("False"), "reason": "NoMatchingParent"}, said("False", "Programmed")]
    assert stands(unspecific) == Standing(False, "c0", "NoMatchingParent")


def test_one_that_accepts_is_enough():
    assert stands([said("False")], GOOD).accepted is True


def test_what_two_of_their_rules_want_is_said_once():
    theirs = rules({"matches": [{"method": "GET"}]}, {"matches": [{"method": "GET"}]})
    [route] = made(share(), [theirs])
    assert len(route["spec"]["rules"][0]["matches"]) == 2
