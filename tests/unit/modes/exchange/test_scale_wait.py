import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Refused
from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange import scale_wait
from ktconnect.modes.exchange.scale_wait import (
    leave_services,
    ready_replicas,
    skipped_by_ctrl_c,
    until_endpoint,
    until_ready,
)
from ktconnect.objects.scale import Workload

AGENT = "web-kt-exchange-abcde"
WEB = Workload("Deployment", "apps/v1/Deployment", "demo", "web", 2, {"app": "web"})
ROLLOUT = Workload("Rollout", "argoproj.io/v1alpha1/rollouts", "demo", "web", 2, {"app": "web"})


def deployment(ready):
    metadata = {"name": "web", "namespace": "demo"}
    status = {"readyReplicas": ready} if ready else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2},
        "status": status,
    }


def pod(name="agent-0", session=AGENT):
    labels = {"kt-session": session, "app": "web", "kt-role": "shadow-exchange"}
    metadata = {"name": name, "namespace": "demo", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}}


def endpoints(*pods, ready=True):
    metadata = {"namespace": "demo", "labels": {"kubernetes.io/service-name": "web"}}
    found = [{"targetRef": {"name": name}, "conditions": {"ready": ready}} for name in pods]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "name": "web-x"},
        "endpoints": found or None,
    }


@asynccontextmanager
async def holding(*manifests):
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        for manifest in manifests:
            api.put(manifest)
        yield api, cluster


async def test_it_waits_until_the_pods_are_ready(monkeypatch):
    monkeypatch.setattr(scale_wait, "LOOK_AGAIN", 0.01)
    async with holding(deployment(1)) as (api, cluster):
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(until_ready(cluster, WEB, 2, asyncio.Event()))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            api.put(deployment(2))
        assert waiting.result() == 2


async def test_the_wait_can_be_skipped():
    async with holding(deployment(1)) as (_, cluster):
        skip = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(until_ready(cluster, WEB, 2, skip))
            await asyncio.sleep(0.05)
            skip.set()
        assert waiting.result() == 1


async def test_what_was_deleted_is_not_waited_for():
    async with holding() as (_, cluster):
        assert await until_ready(cluster, WEB, 2, asyncio.Event()) == 0


async def test_a_server_that_fails_is_asked_again(monkeypatch):
    monkeypatch.setattr(scale_wait, "LOOK_AGAIN", 0.01)
    async with holding(deployment(2)) as (api, cluster):
        api.next_answers = [Answer(500, b"busy")]
        assert await until_ready(cluster, WEB, 2, asyncio.Event()) == 2


async def test_kinds_that_do_not_tell_are_counted_by_their_scale():
    async with holding() as (api, cluster):
        path = "/apis/argoproj.io/v1alpha1/namespaces/demo/rollouts/web"
        api.routes[path] = lambda _: Answer(body={"status": {}})
        api.routes[f"{path}/scale"] = lambda _: Answer(body={"status": {"replicas": 2}})
        assert await ready_replicas(cluster, ROLLOUT) == 2
        api.routes[path] = lambda _: Answer(body={"status": {"readyReplicas": 1}})
        assert await ready_replicas(cluster, ROLLOUT) == 1


async def test_the_agent_must_be_an_endpoint_of_each_service(monkeypatch):
    monkeypatch.setattr(scale_wait, "LOOK_AGAIN", 0.01)
    async with holding(pod(), endpoints()) as (api, cluster):
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(until_endpoint(cluster, "demo", AGENT, ["web"]))
            for not_yet in (endpoints("other-0"), endpoints("agent-0", ready=False)):
                api.put(not_yet)
                await asyncio.sleep(0.05)
                assert not waiting.done()
            api.put(endpoints("agent-0"))
        assert waiting.done()


async def test_an_agent_that_never_becomes_one_ends_it(monkeypatch):
    monkeypatch.setattr(scale_wait, "ENDPOINTS_WITHIN", 0.05)
    async with holding(pod(), endpoints()) as (_, cluster):
        with pytest.raises(Refused, match="did not become an endpoint of Service web"):
            await until_endpoint(cluster, "demo", AGENT, ["web"])


async def test_endpoints_that_may_not_be_looked_at_are_believed():
    async with holding(pod()) as (api, cluster):
        api.denied.add(("list", "endpointslices", "demo"))
        await until_endpoint(cluster, "demo", AGENT, ["web"])
        assert any("endpointslices" in asked.path for asked in api.asked)


async def test_the_agent_leaves_the_services_by_its_labels():
    async with holding(pod(), pod("other-0", "another")) as (api, cluster):
        await leave_services(cluster, "demo", AGENT, ["app"])
        left = api.objects["v1/Pod", "demo", "agent-0"]["metadata"]["labels"]
        assert left == {"kt-session": AGENT, "kt-role": "shadow-exchange"}
        assert "app" in api.objects["v1/Pod", "demo", "other-0"]["metadata"]["labels"]


async def test_without_the_right_the_agent_leaves_when_it_ends():
    async with holding(pod()) as (api, cluster):
        api.denied.add(("patch", "pods", "demo"))
        await leave_services(cluster, "demo", AGENT, ["app"])
        assert "app" in api.objects["v1/Pod", "demo", "agent-0"]["metadata"]["labels"]


async def test_ctrl_c_skips_all_waits_at_once_and_is_ignored_again_afterwards():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as it is while a session ends
    try:
        with skipped_by_ctrl_c() as one, skipped_by_ctrl_c() as other:
            os.kill(os.getpid(), signal.SIGINT)
            async with asyncio.timeout(5):
                await one.wait()
                await other.wait()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_a_main_thread_nothing_skips():
    async def wait():
        with skipped_by_ctrl_c() as skip:
            return skip.is_set()

    async def in_thread():
        return await asyncio.to_thread(lambda: asyncio.run(wait()))

    assert asyncio.run(in_thread()) is False
