import json

import pytest

from ktconnect.apply.change import Entry
from ktconnect.kube.undoable import (
    all_undoable,
    is_led,
    is_undoable,
    leads_callers,
    leads_through_router,
)

LEASE = "kt-exchange-web"
SHARE = {"kind": "mesh", "mark": "ci", "matches": [], "ports": [80], "leaving": False}


def entry(key, system="kube"):
    """What a session does to this field."""
    if key.endswith("/replicas"):
        return Entry(system, key, 2, 0)
    return Entry(system, key, {"app": "web"}, {"app": "web-kt-exchange-abcde"})


@pytest.mark.parametrize(
    "key",
    [
        "v1/Service/demo/web#/spec/selector",
        "apps/v1/Deployment/demo/web#/spec/replicas",
        "apps/v1/StatefulSet/demo/web/scale#/spec/replicas",
        "argoproj.io/v1alpha1/rollouts/demo/web/scale#/spec/replicas",
    ],
)
def test_what_sessions_change_may_be_undone(key):
    assert is_undoable(entry(key), "demo", LEASE)


@pytest.mark.parametrize(
    "key",
    [
        "v1/Service/other/web#/spec/selector",
        "v1/Service/demo/web",
        "v1/Service/demo/web#/spec",
        "v1/Service/demo/web#/spec/externalIPs",
        "v1/Service/demo/web#/metadata/annotations/foreign",
        "v1/Service/demo/web#/metadata/annotations/kt-config",
        "v1/Service/demo/web#/metadata/annotations/kt-route",
        "v1/Service/demo/web#/metadata/annotations/kt-route/y",
        "v1/Secret/demo/web#/data",
        "apps/v1/Deployment/demo/web#/spec/template",
        "apps/v1/Deployment/demo/web/status#/spec/replicas",
        "apps/v1/Deployment/demo/web#/metadata/annotations/kt-x",
        "argoproj.io/v1alpha1/rollouts/demo/web#/spec/replicas",
        "v1/Namespace/demo#/spec/selector",
        "nonsense",
    ],
)
def test_nothing_else_may_whoever_wrote_it_into_a_lease(key):
    assert not is_undoable(entry(key), "demo", LEASE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"app": "evil"}, {"app": "web"}),
        ({"app": "evil"}, {"app": "web-kt-exchange-abcde", "tier": "front"}),
        ({"app": "evil"}, {}),
        ({"app": "evil"}, None),
        (None, {"app": "web-kt-exchange-abcde"}),
    ],
)
def test_callers_are_never_led_away_from_pods_that_are_no_agents(before, after):
    step = Entry("kube", "v1/Service/demo/web#/spec/selector", before, after)
    assert not is_undoable(step, "demo", LEASE)


@pytest.mark.parametrize(("before", "after"), [(0, 3), (9, 3), ("2", 0), (None, 0)])
def test_no_workload_that_runs_is_scaled(before, after):
    step = Entry("kube", "apps/v1/Deployment/demo/web/scale#/spec/replicas", before, after)
    assert not is_undoable(step, "demo", LEASE)


RULES = "networking.istio.io/v1/VirtualService/demo/web#/spec/http"


def routes(name, key=None, before=None):
    return Entry("kube", f"{RULES}[name={key or name}]", before, {"name": name, "route": []})


def led(service, name):
    key = f"v1/Service/demo/{service}#/spec/selector"
    return Entry("kube", key, {"app": "web"}, {"app": name, "tier": name})


LONG = "a" * 60
LED = [
    ("web", "web-kt-router", "kt-router-web"),
    (LONG, f"{'a' * 40}-1a2b3c-kt-router", f"kt-router-{LONG}"),
    ("web", "web-kt-exchange-abcde", "kt-exchange-web"),
    ("web", "web-kt-mirror-abcde", "kt-exchange-web"),
]


@pytest.mark.parametrize(("service", "name", "lease"), LED)
def test_callers_are_led_away_from_every_agent_and_router(service, name, lease):
    assert is_undoable(led(service, name), "demo", lease)


@pytest.mark.parametrize(("service", "name", "lease"), LED)
def test_but_by_no_lease_that_anybody_may_make_beside_the_one_that_leads_them(service, name, lease):
    wrong = "kt-exchange-" if lease.startswith("kt-router-") else "kt-router-"
    made = (f"{wrong}{service}", f"{lease}2", "kt-mesh-web.ci", f"kt-router-{name}", service, "")
    assert not [each for each in made if is_undoable(led(service, name), "demo", each)]


def test_callers_who_are_led_to_two_of_us_are_nobodys_step():
    mixed = {"app": "web-kt-router", "tier": "web-kt-exchange-abcde"}
    step = Entry("kube", "v1/Service/demo/web#/spec/selector", {"app": "web"}, mixed)
    leases = ("kt-router-web", "kt-exchange-web")
    assert not any(is_undoable(step, "demo", lease) for lease in leases)


def shared(before, after):
    key = "v1/Service/demo/web-kt-mesh-ci#/metadata/annotations/kt-route"
    return is_undoable(Entry("kube", key, before, after), "demo", "kt-mesh-web.ci")


@pytest.mark.parametrize("share", [SHARE, {"kind": "mesh"}])
def test_a_share_may_be_made_to_leave(share):
    assert shared(json.dumps({**share, "leaving": True}), json.dumps(share))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({**SHARE, "leaving": True, "ports": [81]}, SHARE),
        ({**SHARE, "leaving": True, "more": 1}, SHARE),
        (SHARE, {**SHARE, "leaving": True}),
        (SHARE, SHARE),
        ([], []),
        (None, SHARE),
    ],
)
def test_and_nothing_else_of_it_is_rewritten(before, after):
    assert not shared(json.dumps(before), json.dumps(after))


@pytest.mark.parametrize("text", [None, "", "{", {"kind": "mesh"}, 7, "[" * 100_000])
def test_what_is_no_share_is_not_rewritten(text):
    assert not shared(json.dumps({**SHARE, "leaving": True}), text)
    assert not shared(text, json.dumps(SHARE))


def test_a_selector_with_anything_of_ours_is_led():
    assert is_led({"app": "web-kt-router"})
    assert is_led({"app": "web-kt-mesh-abcde", "version": "2"})
    assert not is_led({"app": "web", "tier": "kt-router"})
    assert not is_led({})
    assert not is_led(None)


def test_only_a_selector_leads_callers():
    assert leads_callers([entry("v1/Service/demo/web#/spec/selector")])
    assert not leads_callers([entry("apps/v1/Deployment/demo/web#/spec/replicas")])


@pytest.mark.parametrize(
    "name", ["kt-mesh-ci", "kt-mirror-a1-2", "kt-exchange-web-kt-exchange-abcde-80"]
)
def test_a_route_that_was_added_may_be_taken_away(name):
    assert is_undoable(routes(name), "demo", "kt-mesh-web.ci")


@pytest.mark.parametrize(
    "entry",
    [
        routes("kt-mesh-ci", before={"name": "kt-mesh-ci"}),
        routes("main"),
        routes("kt-mesh-ci", key="kt-mesh-bob"),
        routes("kt-mesh-ci", key="kt-mesh-ci]/x[name=y"),
        routes("kt-mesh-"),
        Entry("kube", f"{RULES}[name=kt-mesh-ci]", None, None),
        Entry("kube", f"{RULES}", None, {"name": "kt-mesh-ci"}),
        Entry("kube", RULES.replace("VirtualService", "DestinationRule"), None, {}),
        Entry("kube", "v1/Service/demo/web#/spec/http[name=kt-mesh-ci]", None, {}),
    ],
)
def test_no_route_is_changed_that_its_owner_wrote(entry):
    assert not is_undoable(entry, "demo", LEASE)


def test_the_laptops_own_things_are_not_undone_from_the_cluster():
    key = "v1/Service/demo/web#/spec/selector"
    assert not is_undoable(entry(key, "host"), "demo", LEASE)
    assert not all_undoable([entry(key), entry(key, "host")], "demo", LEASE)
    assert all_undoable([entry(key)], "demo", LEASE)


@pytest.mark.parametrize(
    ("after", "through"),
    [
        ({"app": "web-kt-router"}, True),
        ({"kt-session": "web-kt-exchange-abcde"}, False),
        (0, False),
        (None, False),
    ],
)
def test_through_a_router_calls_go_until_they_end(after, through):
    key = "v1/Service/demo/web#/spec/selector"
    assert leads_through_router([Entry("kube", key, {"app": "web"}, after)]) is through
    assert not leads_through_router([])
