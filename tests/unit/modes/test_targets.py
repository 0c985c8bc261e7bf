from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.targets import (
    HINT,
    Wanted,
    find_service,
    find_services,
    parse_target,
    selects,
    service_named,
    services_of,
    template_labels,
)
from ktconnect.objects.origin import origin_name


def service(name, **selector):
    spec = {"selector": selector} if selector else {}
    metadata = {"name": name, "namespace": "demo"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def workload(kind, name, **labels):
    spec = {"template": {"metadata": {"labels": labels}}}
    metadata = {"name": name, "namespace": "demo"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pod(name, **labels):
    metadata = {"name": name, "namespace": "demo", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}}


@asynccontextmanager
async def holding(*manifests):
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        for manifest in manifests:
            api.put(manifest)
        yield api, cluster


async def found(text, *manifests):
    async with holding(*manifests) as (_, cluster):
        service = await find_service(cluster, "demo", parse_target(text))
        return service["metadata"]["name"]


async def refusal(text, *manifests):
    async with holding(*manifests) as (_, cluster):
        with pytest.raises(UsageError) as refused:
            await find_service(cluster, "demo", parse_target(text))
    return refused.value


@pytest.mark.parametrize(
    ("text", "word", "name", "kind"),
    [
        ("web", "", "web", ""),
        ("svc/web", "svc", "web", "v1/Service"),
        ("Service/web", "Service", "web", "v1/Service"),
        ("deploy/web", "deploy", "web", "apps/v1/Deployment"),
        ("deployment/web", "deployment", "web", "apps/v1/Deployment"),
        ("sts/db", "sts", "db", "apps/v1/StatefulSet"),
        ("statefulset/db", "statefulset", "db", "apps/v1/StatefulSet"),
        ("pod/web-0", "pod", "web-0", "v1/Pod"),
        ("rollouts.argoproj.io/web", "rollouts.argoproj.io", "web", ""),
    ],
)
def test_a_target_is_a_name_and_may_have_a_kind(text, word, name, kind):
    assert parse_target(text) == Wanted(text, word, name)
    assert parse_target(text).kind == kind


@pytest.mark.parametrize("text", ["", "/", "/web", "web/", "a/b/c", "my web", "svc/ web"])
def test_what_names_nothing_is_refused_with_examples(text):
    with pytest.raises(UsageError, match="is not a target") as refused:
        parse_target(text)
    assert refused.value.hint == HINT


WEB = service("web", app="web")
OTHER = service("other", app="other")


async def test_a_bare_name_is_a_services():
    assert await found("web", WEB, OTHER, workload("Deployment", "web", app="other")) == "web"
    assert await found("svc/web", WEB) == "web"


@pytest.mark.parametrize(
    ("text", "manifest"),
    [
        ("deployment/shop", workload("Deployment", "shop", app="web", tier="front")),
        ("sts/shop", workload("StatefulSet", "shop", app="web")),
        ("rs/shop", workload("ReplicaSet", "shop", app="web")),
        ("ds/shop", workload("DaemonSet", "shop", app="web")),
        ("pod/shop", pod("shop", app="web")),
        ("shop", workload("Deployment", "shop", app="web")),
        ("shop", workload("StatefulSet", "shop", app="web")),
    ],
)
async def test_a_workload_stands_for_the_service_that_selects_its_pods(text, manifest):
    assert await found(text, OTHER, WEB, manifest) == "web"


async def test_of_several_services_the_user_picks_one():
    two = [service("web-b", app="web"), service("web-a", app="web")]
    refused = await refusal("deploy/web", *two, workload("Deployment", "web", app="web"))
    assert "behind 2 Services: service/web-a, service/web-b" in str(refused)
    assert "service/web-a" in refused.hint


async def test_pods_that_nobody_selects_are_explained():
    refused = await refusal("deploy/job", WEB, workload("Deployment", "job", app="job"))
    assert "no Service selects the Pods of deploy/job" in str(refused)
    assert "preview" in refused.hint


@pytest.mark.parametrize("name", ["web-kt-origin", "web-kt-stuntman"])
async def test_a_name_of_ours_is_the_services_that_it_was_made_for(name):
    assert await found(name, WEB, service(name, app="web")) == "web"
    taken = service("web", **{"kt-session": "kt-exchange-web"})
    left = [taken, service(name, app="web"), workload("Deployment", "web", app="web")]
    assert await found("deploy/web", *left) == "web"


def test_a_name_of_ours_that_was_shortened_is_known_too():
    long = service("x" * 63, app="x")
    assert service_named([long], origin_name("x" * 63)) is long


def test_a_service_of_the_users_own_may_end_like_ours():
    assert service_named([service("lost-kt-origin")], "lost-kt-origin") is not None
    assert service_named([WEB], "web-kt") is None


async def test_a_service_that_does_not_exist_is_answered_with_those_that_do():
    names = [service(name, app=name) for name in ("front", "back", "back-kt-origin")]
    near = await refusal("frnt", *names)
    assert str(near) == "there is no Service frnt in namespace demo"
    assert near.hint == "did you mean front?"
    assert (await refusal("zzz", *names)).hint == "there are back, front"
    assert (await refusal("svc/zzz", *names)).hint == "there are back, front"
    ours = service("back-kt-mesh-ann")
    ours["metadata"]["labels"] = {"kt-role": "shadow-mesh"}
    assert (await refusal("zzz", *names, ours)).hint == "there are back, front"
    assert "has no Services" in (await refusal("zzz")).hint
    many = [service(f"s{number}") for number in range(11)]
    assert (await refusal("zzz", *many)).hint.endswith("s7, s8, …")


async def test_a_namespace_that_does_not_exist_is_told_as_far_as_one_may_know():
    async with holding() as (api, cluster):
        api.no_namespaces.add("demo")
        for text in ("web", "deploy/web"):
            with pytest.raises(UsageError, match="there is no namespace demo"):
                await find_service(cluster, "demo", parse_target(text))
        api.denied = {("get", "namespaces", "")}
        with pytest.raises(UsageError, match="no Service web in namespace demo"):
            await find_service(cluster, "demo", parse_target("web"))


async def test_a_workload_that_does_not_exist_is_told():
    refused = await refusal("deploy/web", WEB)
    assert str(refused) == "there is no deploy/web in namespace demo"


async def test_a_kind_that_is_not_known_here_is_refused():
    assert "rollouts is no kind" in str(await refusal("rollouts/web", WEB))


async def test_several_targets_are_found_in_order_and_once():
    manifests = [WEB, OTHER, workload("Deployment", "web", app="web")]
    async with holding(*manifests) as (_, cluster):
        wanted = [parse_target(text) for text in ("other", "deploy/web", "svc/web")]
        services = await find_services(cluster, "demo", wanted)
        assert [each["metadata"]["name"] for each in services] == ["other", "web"]


async def test_workloads_that_may_not_be_looked_at_are_no_services():
    async with holding(WEB, workload("StatefulSet", "db", app="web")) as (api, cluster):
        api.denied |= {("get", "deployments", "demo"), ("get", "statefulsets", "demo")}
        with pytest.raises(UsageError, match="no Service db"):
            await find_service(cluster, "demo", parse_target("db"))
        with pytest.raises(Forbidden, match="get statefulsets"):
            await find_service(cluster, "demo", parse_target("sts/db"))


@pytest.mark.parametrize(
    ("spec", "labels", "selected"),
    [
        ({"selector": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"selector": {"a": "1", "b": "3"}}, {"a": "1", "b": "2"}, False),
        ({"selector": {}}, {"a": "1"}, False),  # no selector selects nobody, not everybody
        ({}, {"a": "1"}, False),
        ({"selector": {"a": "1"}, "type": "ExternalName"}, {"a": "1"}, False),
    ],
)
def test_a_service_selects_pods_that_have_all_of_its_labels(spec, labels, selected):
    assert selects({"spec": spec}, labels) is selected


def test_labels_come_from_the_template_or_the_pod():
    assert template_labels(workload("Deployment", "web", a="1")) == {"a": "1"}
    assert template_labels(pod("web", a="1")) == {"a": "1"}
    assert template_labels({"kind": "Rollout"}) == {}
    assert services_of({}, [WEB]) == []
