import copy
from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Conflict, Forbidden
from ktconnect.kube.rehearsal import Changed, RehearsalCluster, Rehearsed, differences
from ktconnect.kube.rights import Right


def service(**spec):
    metadata = {"name": "web", "namespace": "demo"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@asynccontextmanager
async def rehearsing(*manifests):
    """Nothing of what happens in the block changes anything in the cluster."""
    async with FakeApi().serving() as api, RehearsalCluster(api.config()) as cluster:
        for manifest in manifests:
            api.put(manifest)
        before = copy.deepcopy(api.objects)
        yield api, cluster
        assert api.objects == before


async def test_what_is_created_is_kept_for_show_and_answered_by_the_server():
    async with rehearsing() as (api, cluster):
        answer = await cluster.create(service(selector={"a": "b"}))
        assert answer["metadata"]["uid"]
        assert answer["spec"]["clusterIP"]  # what the server would choose
        assert cluster.taken() == Rehearsed(created=[service(selector={"a": "b"})])
        assert cluster.taken() == Rehearsed()
        assert api.asked[-1].query["dryRun"] == "All"


async def test_a_patch_shows_what_it_would_change():
    async with rehearsing(service(selector={"a": "b"})) as (_, cluster):
        patch = [
            {"op": "replace", "path": "/spec/selector", "value": {"a": "c"}},
            {"op": "add", "path": "/metadata/annotations", "value": {"kt/x": "y"}},
        ]
        await cluster.patch("v1/Service", "web", patch, "demo")
        assert cluster.taken().changed == [
            Changed("v1/Service/demo/web#/metadata/annotations", None, {"kt/x": "y"}),
            Changed("v1/Service/demo/web#/spec/selector/a", "b", "c"),
        ]


async def test_a_whole_object_that_is_replaced_is_compared():
    async with rehearsing(service(type="ClusterIP")) as (_, cluster):
        await cluster.replace(service(type="NodePort"))
        change = Changed("v1/Service/demo/web#/spec/type", "ClusterIP", "NodePort")
        assert cluster.taken().changed == [change]


async def test_what_is_deleted_is_named_if_it_is_there():
    async with rehearsing(service()) as (_, cluster):
        assert await cluster.delete("v1/Service", "web", "demo") is True
        assert await cluster.delete("v1/Service", "other", "demo") is False
        assert cluster.taken().deleted == ["v1/Service/demo/web"]


async def test_the_server_refuses_as_it_would():
    async with rehearsing(service()) as (api, cluster):
        with pytest.raises(Conflict):
            await cluster.create(service())
        api.denied.add(("create", "configmaps", "demo"))
        metadata = {"name": "x", "namespace": "demo"}
        with pytest.raises(Forbidden, match="create configmaps"):
            await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        assert cluster.taken() == Rehearsed()


async def test_rights_are_really_asked_for():
    async with rehearsing() as (api, cluster):
        assert await cluster.allowed([Right("get", "", "pods", "demo")]) == ()
        assert "dryRun" not in api.asked[-1].query
        assert cluster.taken() == Rehearsed()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, [("/a/b", 1, 3)]),
        ({"a": 1}, {"b": 2}, [("/a", 1, None), ("/b", None, 2)]),
        ({"a": [1]}, {"a": [1, 2]}, [("/a", [1], [1, 2])]),
        ({"x": {"a/b~c": 1}}, {"x": {}}, [("/x/a~1b~0c", 1, None)]),
        ({"metadata": {"uid": "1"}}, {"metadata": {"uid": "2", "generation": 1}}, []),
    ],
)
def test_differences_are_told_field_by_field(before, after, found):
    assert list(differences(before, after)) == found
