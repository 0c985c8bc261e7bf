from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange.scale_check import Scaling, check_scale, look_at_autoscalers
from ktconnect.objects.scale import Workload

LABELS = {"app": "web"}


def web(replicas=3, labels=LABELS, kind="Deployment", boss=""):
    return Workload(kind, f"apps/v1/{kind}", "demo", "web", replicas, labels, boss)


def service(name="web", cluster_ip="10.0.0.1", **selector):
    spec = {"selector": selector or LABELS, "clusterIP": cluster_ip}
    return {"metadata": {"name": name, "namespace": "demo"}, "spec": spec}


def pod(name="web-0", annotations=None, **labels):
    return {"metadata": {"name": name, "labels": labels, "annotations": annotations or {}}}


def findings(workload=None, spec=None, **around):
    given = {"services": [service()], "leading": [service()], "pods": [pod(app="web")]}
    found = {"kind": "Deployment", "spec": spec or {}}
    return check_scale(Scaling(workload or web(), found, **(given | around)))


def besides(*args, **around):
    """What is found besides that there is no way back to Pods that are gone."""
    first, *rest = findings(*args, **around)
    assert "while this machine is away nobody answers its callers" in first.message
    return rest


def test_that_nobody_answers_without_this_machine_is_always_said():
    [finding] = findings()
    assert finding.level == "warn"
    assert finding.message.startswith("deployment/web is scaled to 0 (3 Pods will end)")
    assert "--mode selector" in finding.hint
    assert "its only Pod will end" in findings(web(1))[0].message


def test_one_that_is_at_0_already_stays_there():
    [finding] = findings(web(0))
    assert finding.message == "deployment/web has 0 replicas already, and keeps them"


def hpa(kind="HorizontalPodAutoscaler", annotations=None, name="web"):
    metadata = {"name": f"{name}-scaler", "annotations": annotations or {}}
    return {"kind": kind, "metadata": metadata, "spec": {"scaleTargetRef": {"name": name}}}


def test_a_horizontal_pod_autoscaler_rests():
    [finding] = besides(autoscalers=[hpa(), hpa(name="other")])
    assert finding.level == "note"
    assert finding.message.startswith("HorizontalPodAutoscaler web-scaler rests")


def test_keda_may_scale_up_again_unless_it_is_paused():
    [finding] = besides(autoscalers=[hpa("ScaledObject")])
    assert finding.level == "warn"
    assert "kubectl annotate scaledobject web-scaler autoscaling.keda.sh/paused=true" in (
        finding.hint
    )
    paused = {"autoscaling.keda.sh/paused": "true"}
    [finding] = besides(autoscalers=[hpa("ScaledObject", paused)])
    assert finding.level == "note"


def test_whoever_manages_the_workload_is_named():
    [finding] = besides(web(boss="Kafka bus"))
    assert "is managed by Kafka bus, which may scale it up again" in finding.message


def test_volumes_that_would_be_deleted_are_not_risked():
    spec = {
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"},
        "volumeClaimTemplates": [{}],
    }
    [refusal, _] = findings(web(kind="StatefulSet"), spec)
    assert refusal.level == "refuse"
    assert "deletes its volumes" in refusal.message
    assert besides(spec={**spec, "volumeClaimTemplates": []}) == []


def test_without_labels_no_service_would_find_the_agent():
    refusal = findings(web(labels={}), pods=[], leading=[])[0]
    assert refusal.level == "refuse"


def test_kt_connects_shadow_is_named_with_its_user():
    notes = {"kt-config": "app=web,replicas=2", "kt-user": "bob"}
    shadow = pod("s", notes, **{"kt-role": "shadow-exchange", "app": "web"})
    [refusal, _] = findings(web(0), pods=[shadow])
    assert refusal.level == "refuse"
    assert "taken with KT Connect by bob" in refusal.message
    other = pod("s", {"kt-config": "app=web2,replicas=2"}, **{"kt-role": "shadow-exchange"})
    assert besides(pods=[other]) == []


def test_a_workload_without_a_service_is_told():
    [finding] = besides(leading=[], services=[])
    assert "no Service leads to deployment/web" in finding.message


def test_a_service_of_other_pods_too_is_told():
    broad = service("all", tier="front")
    workload = web(labels={"app": "web", "tier": "front"})
    pods = [pod(app="web", tier="front"), pod("api-0", app="api", tier="front")]
    [finding] = besides(workload, leading=[broad], services=[broad], pods=pods)
    assert finding.message.startswith("Service all leads to other Pods too")


def test_a_service_of_a_single_pod_will_find_nobody():
    name = "statefulset.kubernetes.io/pod-name"
    single = service("first", **{"app": "web", name: "web-0"})
    own = pod(**{"app": "web", name: "web-0"})
    [finding] = besides(services=[service(), single], pods=[own])
    assert finding.message == "callers of first will find nobody: it leads to single Pods"


def test_names_of_single_pods_vanish():
    headless = service(cluster_ip="None")
    [finding] = besides(spec={"serviceName": "web"}, leading=[headless])
    assert "(web-0.web …) vanish" in finding.message
    assert besides(spec={"serviceName": "other"}, leading=[headless]) == []


@asynccontextmanager
async def in_cluster():
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        yield api, cluster


async def test_autoscalers_are_looked_at_as_far_as_one_may():
    async with in_cluster() as (api, cluster):
        assert await look_at_autoscalers(cluster, "demo") == []
        path = "/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers"
        body = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscalerList",
            "metadata": {},
            "items": [{"metadata": {"name": "web"}}],
        }
        api.routes[path] = lambda _: Answer(body=body)
        [found] = await look_at_autoscalers(cluster, "demo")
        assert found["kind"] == "HorizontalPodAutoscaler"


@pytest.mark.parametrize("replicas", [0, 3])
def test_every_finding_says_something(replicas):
    assert all(finding.message for finding in findings(web(replicas)))
