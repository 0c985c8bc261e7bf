import pytest
from tests.unit.modes.explain.seeing import pod, seen, service

from ktconnect.errors import UsageError
from ktconnect.modes.explain.caller import caller_of, mesh_of, namespace_of, waypoint_of


def space(name="shop", labels=None, notes=None):
    return {"metadata": {"name": name, "labels": labels or {}, "annotations": notes or {}}}


@pytest.mark.parametrize(
    ("container", "mesh"),
    [("istio-proxy", "istio"), ("linkerd-proxy", "linkerd"), ("kuma-sidecar", "kuma"), ("x", "")],
)
def test_what_stands_beside_a_pod_tells_its_mesh(container, mesh):
    assert mesh_of(pod("front-1", containers=("web", container))) == mesh


def test_sidecars_may_be_init_containers_and_ambient_is_an_annotation():
    native = pod("front-1")
    native["spec"]["initContainers"] = [{"name": "istio-proxy"}]
    assert mesh_of(native) == "istio"
    notes = {"ambient.istio.io/redirection": "enabled"}
    assert mesh_of(pod("front-1", annotations=notes)) == "ambient"


@pytest.mark.parametrize(
    ("labels", "notes", "mesh"),
    [
        ({"istio-injection": "enabled"}, {}, "istio"),
        ({"istio.io/rev": "canary"}, {}, "istio"),
        ({"istio.io/rev": "canary", "istio-injection": "disabled"}, {}, ""),
        ({"istio.io/dataplane-mode": "ambient"}, {}, "ambient"),
        ({}, {"linkerd.io/inject": "enabled"}, "linkerd"),
        ({"kuma.io/sidecar-injection": "enabled"}, {}, "kuma"),
        ({}, {}, ""),
    ],
)
def test_without_a_caller_it_is_what_the_namespace_makes_of_a_pod(labels, notes, mesh):
    found = seen(spaces={"shop": space(labels=labels, notes=notes)})
    assert caller_of(found, "").mesh == mesh


def test_a_namespace_that_may_not_be_seen_has_no_mesh():
    assert caller_of(seen(), "").mesh == ""


@pytest.mark.parametrize("text", ["front-1", "pod/front-1", "front"])
def test_a_caller_is_a_pod_or_one_of_a_workload(text):
    found = caller_of(seen(pod("front-1", {"app": "front"})), text)
    assert found.text == "Pod front-1"
    assert found.labels == {"app": "front"}


def test_or_a_namespace():
    found = seen(spaces={"other": space("other", {"istio-injection": "enabled"})})
    assert caller_of(found, "namespace/other").text == "a Pod of namespace other"
    assert caller_of(found, "other").mesh == "istio"
    assert namespace_of("namespace/other", "shop") == "other"
    assert namespace_of("front", "shop") == "shop"


@pytest.mark.parametrize("text", ["nobody", "pod/nobody", "x/nobody"])
def test_a_caller_that_is_not_there_is_refused(text):
    with pytest.raises(UsageError, match="no such Pod"):
        caller_of(seen(), text)


@pytest.mark.parametrize(
    ("of_service", "of_space", "waypoint"),
    [("wp", "other", "wp"), ("", "other", "other"), ("none", "other", ""), ("", "", "")],
)
def test_a_waypoint_is_the_services_or_the_namespaces(of_service, of_space, waypoint):
    key = "istio.io/use-waypoint"
    web = service("web", labels={key: of_service} if of_service else {})
    spaces = {"shop": space(labels={key: of_space})} if of_space else {}
    assert waypoint_of(seen(web, spaces=spaces)) == waypoint
