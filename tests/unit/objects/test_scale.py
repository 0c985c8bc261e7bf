import pytest

from ktconnect.objects.scale import (
    Workload,
    as_service,
    autoscalers_of,
    controller,
    is_paused,
    workload_of,
)

PLACE = "apps/v1/Deployment"
WEB = Workload("Deployment", PLACE, "demo", "web", 3, {"app": "web"})


def manifest(labels=None, **spec):
    template = {"template": {"metadata": {"labels": labels or {}}}} if labels else {}
    metadata = {"name": "web", "namespace": "demo"}
    return {"kind": "Deployment", "metadata": metadata, "spec": {**template, **spec}}


def test_a_workload_is_known_by_its_scale_and_its_template():
    scale = {"spec": {"replicas": 3}, "status": {"selector": "app=web"}}
    found = workload_of(manifest({"app": "web", "tier": "front"}), PLACE, scale, boss="Kafka bus")
    assert found == Workload(
        "Deployment", PLACE, "demo", "web", 3, {"app": "web", "tier": "front"}, "Kafka bus"
    )
    assert str(found) == "deployment/web"
    assert found.key == "apps/v1/Deployment/demo/web/scale#/spec/replicas"


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ("app=web,tier==front", {"app": "web", "tier": "front"}),
        ("app=web,tier!=back,pool in (a),more", {"app": "web"}),
        ("", {}),
    ],
)
def test_without_a_template_the_scale_tells_the_labels(selector, labels):
    found = workload_of(manifest(), PLACE, {"spec": {}, "status": {"selector": selector}})
    assert found.labels == labels
    assert found.replicas == 0  # as autoscaling/v1 leaves it out
    assert workload_of(manifest(), PLACE, {}).labels == {}


def test_the_controller_is_one_of_the_owners():
    owners = [{"name": "a"}, {"name": "b", "controller": True}]
    assert controller({"metadata": {"ownerReferences": owners}}) == owners[1]
    assert controller({"metadata": {"ownerReferences": owners[:1]}}) is None
    assert controller({"metadata": {}}) is None


def service(*ports):
    return {"spec": {"ports": list(ports)}}


def test_ports_are_those_of_all_services_each_once():
    http, named = {"port": 80, "targetPort": 8080}, {"port": 80, "targetPort": "http"}
    services = [service(http), service(named, {**http, "name": "again"}), {"spec": {}}]
    found = as_service(WEB, services, manifest())
    assert found["metadata"]["name"] == "web"
    assert found["spec"]["ports"] == [http, named]


def test_without_a_service_ports_are_those_of_the_containers():
    containers = [
        {"ports": [{"containerPort": 8080, "name": "http"}]},
        {"ports": [{"containerPort": 53, "protocol": "UDP"}]},
        {},
    ]
    found = as_service(WEB, [], {"spec": {"template": {"spec": {"containers": containers}}}})
    assert found["spec"]["ports"] == [
        {"port": 8080, "targetPort": "http", "protocol": "TCP", "name": "http"},
        {"port": 53, "targetPort": 53, "protocol": "UDP", "name": ""},
    ]
    assert as_service(WEB, [], {})["spec"]["ports"] == []


def autoscaler(name, kind=None):
    aim = {"name": name, **({"kind": kind} if kind else {})}
    return {"metadata": {"name": f"hpa-{name}"}, "spec": {"scaleTargetRef": aim}}


def test_autoscalers_are_those_that_aim_at_it():
    mine = [autoscaler("web"), autoscaler("web", "Deployment")]
    others = [autoscaler("web", "StatefulSet"), autoscaler("api"), {"metadata": {}}]
    assert autoscalers_of(WEB, mine + others) == mine


@pytest.mark.parametrize(
    ("annotations", "paused"),
    [
        (None, False),
        ({"autoscaling.keda.sh/paused": "true"}, True),
        ({"autoscaling.keda.sh/paused": "false"}, False),
        ({"autoscaling.keda.sh/paused-replicas": "0"}, True),
    ],
)
def test_keda_can_be_paused(annotations, paused):
    assert is_paused({"metadata": {"annotations": annotations}}) is paused
