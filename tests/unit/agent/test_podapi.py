import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.certificates import self_signed, server_context
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.agent.podapi import PodApi, pod_api
from ktconnect.agent.restoring import without_loop
from ktconnect.errors import Conflict, Forbidden, Unreachable
from ktconnect.kube.failures import Unauthorized

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "demo"},
    "spec": {"replicas": 0},
}
KIND = "apps/v1/Deployment"
NOW = 1_790_000_000.0


@asynccontextmanager
async def in_pod(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    api = FakeApi()
    api.token, api.now = "secret", NOW
    async with api.serving():
        yield api, PodApi(("127.0.0.1", api.port), tmp_path)


async def done(coroutine):
    return await asyncio.to_thread(without_loop, coroutine)


async def test_it_finds_patches_and_deletes_and_hears_the_servers_clock(tmp_path):
    async with in_pod(tmp_path) as (api, pod):
        assert await done(pod.find(KIND, "web", "demo")) is None
        assert pod.now == NOW
        uid = api.put(WEB)["metadata"]["uid"]
        scale = [{"op": "add", "path": "/spec/replicas", "value": 3}]
        await done(pod.patch(KIND, "web", scale, "demo", subresource="scale"))
        assert (await done(pod.find(KIND, "web", "demo")))["spec"] == {"replicas": 3}
        with pytest.raises(Conflict):
            await done(pod.delete(KIND, "web", "demo", "another"))
        await done(pod.delete(KIND, "web", "demo", uid))
        await done(pod.delete(KIND, "web", "demo", uid))
        assert api.objects == {}


async def test_a_test_that_does_not_hold_is_a_conflict(tmp_path):
    async with in_pod(tmp_path) as (api, pod):
        api.put(WEB)
        patch = [{"op": "test", "path": "/spec/replicas", "value": 7}]
        with pytest.raises(Conflict):
            await done(pod.patch(KIND, "web", patch, "demo"))


async def test_what_it_may_not_is_named(tmp_path):
    async with in_pod(tmp_path) as (api, pod):
        api.denied = {("get", "deployments", "demo")}
        with pytest.raises(Forbidden, match=r"get deployments\.apps in namespace demo"):
            await done(pod.find(KIND, "web", "demo"))


async def test_the_token_is_read_for_each_request(tmp_path):
    async with in_pod(tmp_path) as (_, pod):
        (tmp_path / "token").write_text("expired")
        with pytest.raises(Unauthorized):
            await done(pod.find(KIND, "web", "demo"))
        (tmp_path / "token").write_text("secret")
        assert await done(pod.find(KIND, "web", "demo")) is None


async def test_a_server_that_is_away_is_told(tmp_path):
    async with in_pod(tmp_path) as (_, pod):
        pass
    with pytest.raises(Unreachable, match="refused"):
        without_loop(pod.find(KIND, "web", "demo"))


async def test_the_server_is_known_by_the_mounted_authority(tmp_path):
    self_signed(tmp_path, "IP:127.0.0.1")
    (tmp_path / "ca.crt").write_text((tmp_path / "cert.pem").read_text())
    (tmp_path / "token").write_text("secret")
    api = FakeApi()
    async with api.serving(server_context(tmp_path)):
        where = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
        pod = pod_api(where, tmp_path)
        assert await done(pod.find(KIND, "web", "demo")) is None
        assert pod.now == 0.0  # this one tells no time


def test_a_pod_without_an_account_is_told(tmp_path):
    with pytest.raises(Unreachable, match="no ServiceAccount"):
        pod_api({}, tmp_path)
