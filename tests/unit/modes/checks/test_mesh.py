import pytest

from ktconnect.modes.checks.mesh import check_subsets, used_subsets
from ktconnect.modes.checks.seen import Seen

WEB = {"metadata": {"name": "web", "namespace": "demo"}, "spec": {}}


def rule(host, *subsets):
    spec = {"host": host, "subsets": [{"name": name} for name in subsets]}
    return {"metadata": {"name": "web-rule"}, "spec": spec}


def route(host, subset="", kind="http"):
    destination = {"host": host, **({"subset": subset} if subset else {})}
    return {"spec": {kind: [{"route": [{"destination": destination}]}, {"redirect": {}}]}}


def findings(rules, routes):
    return list(check_subsets(Seen(WEB, rules=rules, routes=routes)))


@pytest.mark.parametrize(
    "host",
    [
        "web",
        "web.demo",
        "web.demo.svc",
        "web.demo.svc.cluster.local",
        "web.demo.svc.corp.lan",
        "*.demo.svc.cluster.local",
        "*",
    ],
)
def test_a_rule_with_subsets_that_are_routed_to_is_refused(host):
    [finding] = findings([rule(host, "v1", "v2")], [route("web", "v1"), route("web.demo", "v2")])
    assert finding.level == "refuse"
    assert "to v1, v2 (DestinationRule web-rule)" in finding.message


@pytest.mark.parametrize(
    "host", ["webs", "web.other", "web.other.svc.cluster.local", "*.other.svc.cluster.local", ""]
)
def test_rules_of_other_hosts_do_not_matter(host):
    assert findings([rule(host, "v1")], None) == []


@pytest.mark.parametrize("kind", ["http", "tcp", "tls"])
def test_routes_of_each_protocol_count(kind):
    [finding] = findings([rule("web", "v1", "v2")], [route("web", "v2", kind)])
    assert "to v2 (" in finding.message


@pytest.mark.parametrize(
    "routes", [[], [route("web")], [route("other", "v1")], [route("web", "v9")]]
)
def test_subsets_that_nobody_routes_to_are_only_told(routes):
    [finding] = findings([rule("web", "v1")], routes)
    assert finding.level == "note"


def test_which_subsets_callers_are_led_to():
    rules = [rule("web", "v2", "v1", "v0")]
    assert used_subsets(Seen(WEB, rules=rules, routes=[route("web", "v1")])) == ("v1",)
    assert used_subsets(Seen(WEB, rules=rules, routes=None)) == ("v0", "v1", "v2")
    assert used_subsets(Seen(WEB, routes=[route("web", "v1")])) == ()


def test_routes_that_may_not_be_looked_at_may_lead_there():
    [finding] = findings([rule("web", "v1")], None)
    assert finding.level == "refuse"


@pytest.mark.parametrize("rules", [None, [], [rule("web")]])
def test_without_subsets_there_is_nothing_to_say(rules):
    assert findings(rules, None) == []
