from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.sessions.left import ALIVE, DEAD, NOW, SHADOW, deployment, exchanged, meshed, pod

from ktconnect.kube.client import Cluster
from ktconnect.sessions.legacy import decide
from ktconnect.sessions.legacy_repair import carry_out, look


@asynccontextmanager
async def left(*objects):
    api = FakeApi()
    api.now = NOW.timestamp()
    for each in objects:
        api.put(each)
    async with api.serving(), Cluster(api.config()) as cluster:
        yield api, cluster


async def repaired(cluster, **more):
    looked = await look(cluster, "demo", **more)
    return await carry_out(cluster, "demo", decide(looked.seen).repairs, settle=0)


def names(api):
    return sorted(name for _, _, name in api.objects)


def selector(api):
    return api.objects["v1/Service", "demo", "web"]["spec"]["selector"]


@pytest.mark.parametrize("objects", [exchanged(DEAD), meshed(DEAD)])
async def test_what_a_dead_laptop_left_is_undone_and_nothing_of_it_remains(objects):
    async with left(*objects) as (api, cluster):
        said = await repaired(cluster)
        assert selector(api) == {"app": "web"}
        assert api.objects["v1/Service", "demo", "web"]["metadata"]["annotations"] == {}
        assert names(api) == ["web"]
        assert said[0] == "restored v1/Service/demo/web#/spec/selector"
        assert await repaired(cluster) == []


async def test_a_scaled_workload_comes_back():
    shadow = pod("web-x", role="shadow-exchange", beat=DEAD, config="app=web,replicas=2")
    async with left(deployment("web", 0), shadow) as (api, cluster):
        await repaired(cluster)
        assert api.objects["apps/v1/Deployment", "demo", "web"]["spec"] == {"replicas": 2}
        assert names(api) == ["web"]


async def test_what_lives_is_not_touched():
    async with left(*exchanged(ALIVE)) as (api, cluster):
        before = dict(api.objects)
        assert await repaired(cluster) == []
        assert api.objects == before
        await repaired(cluster, force=True)
        assert names(api) == ["web"]


async def test_where_restoring_fails_nothing_that_serves_is_deleted():
    async with left(*exchanged(DEAD)) as (api, cluster):
        api.denied = {("patch", "services", "demo")}
        [said] = await repaired(cluster)
        assert "patch services" in said
        assert selector(api) == SHADOW
        assert len(names(api)) == 3


async def test_what_may_not_be_deleted_is_told_and_the_rest_goes():
    async with left(*exchanged(DEAD)) as (api, cluster):
        api.denied = {("delete", "configmaps", "demo")}
        said = await repaired(cluster)
        assert any(line.startswith("left: v1/ConfigMap") for line in said)
        assert [kind for kind, _, _ in api.objects] == ["v1/Service", "v1/ConfigMap"]


async def test_one_that_was_made_anew_meanwhile_is_left():
    async with left(*exchanged(DEAD)) as (api, cluster):
        looked = await look(cluster, "demo")
        api.remove("v1/Pod", "web-kt-exchange-abcde", "demo")
        api.put(exchanged(ALIVE)[1])
        said = await carry_out(cluster, "demo", decide(looked.seen).repairs, settle=0)
        assert "left alone: v1/Pod/demo/web-kt-exchange-abcde was made anew" in said


async def test_kinds_that_may_not_be_listed_are_named():
    async with left() as (api, cluster):
        api.denied = {("list", "configmaps", "demo")}
        assert (await look(cluster, "demo")).hidden == ("v1/ConfigMap",)
