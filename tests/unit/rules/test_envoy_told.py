from dataclasses import replace

from tests.unit.rules.test_envoy import PLAN
from tests.unit.rules.test_order import share

from ktconnect.rules.envoy import CLUSTERS, LISTENERS, router_files
from ktconnect.rules.envoy_told import differing, told

ROUTES = "rds-80.json"


def test_routes_are_told_by_what_they_match_and_where_they_lead():
    said = told(router_files(PLAN)[ROUTES])
    assert len(said) == 3
    assert any("headers.version.exact=ann → " in line for line in said)
    assert said[-1].startswith("origin: prefix=/ → origin")


def test_ways_are_told_with_their_addresses_and_listeners_too():
    files = router_files(PLAN)
    assert any(line.startswith("origin|80: ") for line in told(files[CLUSTERS]))
    assert any("0.0.0.0:8080" in line for line in told(files[LISTENERS]))


def test_only_what_comes_or_goes_is_told():
    more = replace(PLAN, shares=(*PLAN.shares, share("cid", since="2026-03")))
    before, after = router_files(PLAN), router_files(more)
    [come] = differing(before[ROUTES], after[ROUTES])
    assert come.startswith("+ ")
    assert "=cid" in come
    [gone] = differing(after[ROUTES], before[ROUTES])
    assert gone == f"- {come[2:]}"
    assert differing(before[LISTENERS], before[LISTENERS]) == []


def test_other_texts_say_nothing():
    for text in ("", "a: [", "just words", "resources: 1", "[1, 2]"):
        assert told(text) == []


def test_a_route_to_no_cluster_leads_to_somebody():
    text = '{"resources": [{"virtual_hosts": [{"routes": [{"name": "r", "match": {}}]}]}]}'
    assert told(text) == ["r:  → somebody"]
    assert told('{"resources": [{"name": "x"}, 3]}') == ["x: "]
