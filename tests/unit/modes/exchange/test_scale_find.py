from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange.scale_find import find_workload, plan_scale
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.targets import parse_target


def named(kind, name, labels=None, owner=None, **spec):
    version = "v1" if kind in ("Service", "Pod") else "apps/v1"
    metadata = {"name": name, "namespace": "demo", "labels": labels or {}}
    if owner:
        metadata["ownerReferences"] = [
            {**owner, "controller": True, "uid": f"{owner['kind']}/{owner['name']}"}
        ]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def workload(kind, name, labels, replicas=2, owner=None, ports=()):
    containers = [{"ports": list(ports)}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return named(kind, name, owner=owner, template=template, replicas=replicas)


def owned_by(kind, name, version="apps/v1"):
    return {"apiVersion": version, "kind": kind, "name": name}


APP = {"app": "web"}
PORTS = [{"port": 80, "targetPort": "http"}]
SERVICE = named("Service", "web", selector=APP, ports=PORTS, clusterIP="10.0.0.1")
WEB = workload("Deployment", "web", APP)
SET = workload("ReplicaSet", "web-1", APP, owner=owned_by("Deployment", "web"))
POD = named(
    "Pod",
    "web-1-x",
    APP,
    owned_by("ReplicaSet", "web-1"),
    containers=[{"ports": [{"name": "http", "containerPort": 8080}]}],
)
SHOP = [SERVICE, WEB, SET, POD]


@asynccontextmanager
async def holding(*manifests):
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        for manifest in manifests:
            api.put(manifest)
        yield api, cluster


async def found(text, *manifests):
    async with holding(*manifests) as (_, cluster):
        _, workload = await find_workload(cluster, "demo", parse_target(text))
        return workload


async def refusal(text, *manifests):
    async with holding(*manifests) as (_, cluster):
        with pytest.raises(UsageError) as refused:
            await find_workload(cluster, "demo", parse_target(text))
        return refused.value


@pytest.mark.parametrize(
    "text", ["web", "service/web", "deployment/web", "rs/web-1", "pod/web-1-x", "svc/web-kt-origin"]
)
async def test_whatever_of_it_is_named_the_top_one_is_scaled(text):
    workload = await found(text, *SHOP)
    assert str(workload) == "deployment/web"
    assert workload.replicas == 2
    assert workload.key == "apps/v1/Deployment/demo/web/scale#/spec/replicas"


async def test_a_name_that_is_no_services_may_be_a_workloads():
    assert str(await found("web", WEB)) == "deployment/web"
    db = workload("StatefulSet", "db", {"app": "db"})
    assert str(await found("db", SERVICE, db)) == "statefulset/db"
    assert str(await found("sts/db", db)) == "statefulset/db"


async def test_a_service_without_pods_leads_to_what_would_make_them():
    assert str(await found("svc/web", SERVICE, WEB)) == "deployment/web"
    other = workload("Deployment", "other", {"app": "other"})
    assert str(await found("web", SERVICE, other, WEB)) == "deployment/web"


async def test_a_service_of_several_workloads_wants_a_choice():
    canary = workload("StatefulSet", "canary", APP)
    pods = [POD, named("Pod", "canary-0", APP, owned_by("StatefulSet", "canary"))]
    refused = await refusal("web", SERVICE, WEB, SET, canary, *pods)
    assert "made by several: deployment/web, statefulset/canary" in str(refused)
    assert "deployment/web" in refused.hint


async def test_an_operator_above_is_named():
    kafka = owned_by("Kafka", "bus", "kafka.io/v1")
    workload_ = await found("sts/db", workload("StatefulSet", "db", APP, owner=kafka))
    assert (str(workload_), workload_.boss) == ("statefulset/db", "Kafka bus")


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("ds/log", "ds/log"),
        ("pod/log-x", "DaemonSet log"),
        ("pod/alone", "nothing"),
    ],
)
async def test_what_can_not_be_scaled_is_refused(text, maker):
    pods = [named("Pod", "log-x", owner=owned_by("DaemonSet", "log")), named("Pod", "alone")]
    refused = await refusal(text, workload("DaemonSet", "log", APP), *pods)
    assert f"can't be scaled: {maker} makes them" in str(refused)
    assert "--mode selector" in refused.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("deploy/no", "there is no deploy/no in namespace demo"),
        ("svc/no", "there is no Service no in namespace demo"),
        ("no", "there is no Service, Deployment or StatefulSet no"),
        ("svc/web", "Service web has no Pods that anything makes"),
    ],
)
async def test_what_does_not_exist_is_told(text, says):
    assert says in str(await refusal(text, SERVICE))


ROLLOUT = {
    "kind": "Rollout",
    "metadata": {"name": "web", "namespace": "demo"},
    "spec": {"template": {"metadata": {"labels": APP}}},
}


async def test_anything_with_a_scale_subresource_will_do():
    async with holding(SERVICE) as (api, cluster):
        path = "/apis/argoproj.io/v1alpha1"
        group = {"name": "argoproj.io", "preferredVersion": {"groupVersion": path[6:]}}
        resources = [{"name": "rollouts", "kind": "Rollout"}, {"name": "rollouts/scale"}]
        api.routes["/apis"] = lambda _: Answer(body={"groups": [group]})
        api.routes[path] = lambda _: Answer(body={"resources": resources})
        rollout = f"{path}/namespaces/demo/rollouts/web"
        api.routes[rollout] = lambda _: Answer(body=ROLLOUT)
        api.routes[f"{rollout}/scale"] = lambda _: Answer(body={"spec": {"replicas": 4}})
        _, workload = await find_workload(cluster, "demo", parse_target("rollout/web"))
        assert workload.key == "argoproj.io/v1alpha1/rollouts/demo/web/scale#/spec/replicas"
        assert (workload.replicas, workload.labels) == (4, APP)


async def test_a_kind_that_there_is_not_is_refused():
    async with holding() as (api, cluster):
        api.routes["/apis"] = lambda _: Answer(body={"groups": []})
        with pytest.raises(UsageError, match="has no kind rollout that can be scaled"):
            await find_workload(cluster, "demo", parse_target("rollout/web"))


async def test_without_the_right_to_see_replica_sets_templates_tell():
    async with holding(*SHOP) as (api, cluster):
        api.denied.add(("get", "replicasets", "demo"))
        _, workload = await find_workload(cluster, "demo", parse_target("web"))
        assert str(workload) == "deployment/web"
        with pytest.raises(Forbidden, match="get replicasets"):
            await find_workload(cluster, "demo", parse_target("pod/web-1-x"))


async def test_kinds_that_may_not_be_looked_at_are_left_out():
    async with holding(SERVICE, workload("StatefulSet", "db", APP)) as (api, cluster):
        api.denied |= {("get", "deployments", "demo"), ("list", "deployments", "demo")}
        for text in ("db", "svc/web"):
            _, workload_ = await find_workload(cluster, "demo", parse_target(text))
            assert str(workload_) == "statefulset/db"


async def test_the_plan_has_the_ports_of_all_services_and_the_findings():
    admin = named("Service", "admin", selector=APP, ports=[{"port": 9000}])
    async with holding(*SHOP, admin) as (_, cluster):
        plan = await plan_scale(cluster, "demo", parse_target("deploy/web"), ())
    assert [each["metadata"]["name"] for each in plan.services] == ["admin", "web"]
    assert [(port.pod_port, str(port.target)) for port in plan.ports] == [
        (9000, "tcp:127.0.0.1:9000"),
        (8080, "tcp:127.0.0.1:8080"),
    ]
    assert "is scaled to 0 (2 Pods will end)" in plan.findings[0].message
    assert len(plan.findings) == 1


async def test_ports_that_are_left_out_are_answered_by_nobody():
    admin = named("Service", "admin", selector=APP, ports=[{"port": 9000}])
    async with holding(*SHOP, admin) as (_, cluster):
        exposes = parse_exposes("8080:80")
        plan = await plan_scale(cluster, "demo", parse_target("deploy/web"), exposes)
    [_, finding] = plan.findings
    assert finding.message.startswith("callers of port 9000 get no answer")


async def test_without_any_port_there_is_nothing_to_take():
    async with holding(WEB) as (_, cluster):
        plan = await plan_scale(cluster, "demo", parse_target("deploy/web"), ())
    assert plan.findings[-1].level == "refuse"
    assert "name a port to listen on" in plan.findings[-1].message
