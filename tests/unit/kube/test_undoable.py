import pytest

from ktconnect.apply.change import Entry
from ktconnect.kube.undoable import all_undoable, is_undoable


def entry(key, system="kube"):
    """What a session does to this field."""
    if key.endswith("/replicas"):
        return Entry(system, key, 2, 0)
    return Entry(system, key, {"app": "web"}, {"app": "web-kt-exchange-abcde"})


@pytest.mark.parametrize(
    "key",
    [
        "v1/Service/demo/web#/spec/selector",
        "v1/Service/demo/web#/metadata/annotations/kt-selector",
        "apps/v1/Deployment/demo/web#/spec/replicas",
        "apps/v1/StatefulSet/demo/web/scale#/spec/replicas",
        "argoproj.io/v1alpha1/rollouts/demo/web/scale#/spec/replicas",
    ],
)
def test_what_sessions_change_may_be_undone(key):
    assert is_undoable(entry(key), "demo")


@pytest.mark.parametrize(
    "key",
    [
        "v1/Service/other/web#/spec/selector",
        "v1/Service/demo/web",
        "v1/Service/demo/web#/spec",
        "v1/Service/demo/web#/spec/externalIPs",
        "v1/Service/demo/web#/metadata/annotations/foreign",
        "v1/Service/demo/web#/metadata/annotations/kt-x/y",
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
    assert not is_undoable(entry(key), "demo")


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
    assert not is_undoable(step, "demo")


@pytest.mark.parametrize(("before", "after"), [(0, 3), (9, 3), ("2", 0), (None, 0)])
def test_no_workload_that_runs_is_scaled(before, after):
    step = Entry("kube", "apps/v1/Deployment/demo/web/scale#/spec/replicas", before, after)
    assert not is_undoable(step, "demo")


RULES = "networking.istio.io/v1/VirtualService/demo/web#/spec/http"


def routes(name, key=None, before=None):
    return Entry("kube", f"{RULES}[name={key or name}]", before, {"name": name, "route": []})


@pytest.mark.parametrize(
    "name", ["web-kt-router", "web-kt-exchange-abcde", "web-kt-mirror-abcde", "web-kt-mesh-abcde"]
)
def test_callers_are_led_away_from_every_agent_and_router(name):
    step = Entry("kube", "v1/Service/demo/web#/spec/selector", {"app": "web"}, {"app": name})
    assert is_undoable(step, "demo")


@pytest.mark.parametrize("name", ["kt-mesh-ci", "kt-mirror-a1-2"])
def test_a_route_that_was_added_may_be_taken_away(name):
    assert is_undoable(routes(name), "demo")


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
    assert not is_undoable(entry, "demo")


def test_the_laptops_own_things_are_not_undone_from_the_cluster():
    key = "v1/Service/demo/web#/spec/selector"
    assert not is_undoable(entry(key, "host"), "demo")
    assert not all_undoable([entry(key), entry(key, "host")], "demo")
    assert all_undoable([entry(key)], "demo")
