import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.unit.kube.fakeanswers import Answer

from ktconnect.errors import Forbidden, Refused
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import Unauthorized
from ktconnect.kube.ready import wait_ready


def pod(name: str, *, ready: bool = False, waiting: str = "", **status: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting, "message": "why"}} if waiting else {"running": {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "demo", "labels": {"app": "a"}},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "c", "image": "i", "state": state}],
            **status,
        },
    }


def deployment(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "demo"},
        "status": {"conditions": list(conditions)},
    }


def broken(message: str = "exceeded quota") -> dict[str, Any]:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
    return deployment({**failure, "message": message})


def waiting(cluster: Cluster, within: float = 5.0) -> Coroutine[Any, Any, dict[str, Any]]:
    return wait_ready(cluster, "demo", "app=a", deployment="a", within=within)


async def test_a_pod_that_is_ready_already_is_found(api, cluster):
    api.put(pod("p", ready=True))
    assert (await waiting(cluster))["metadata"]["name"] == "p"


async def test_a_bare_pod_needs_no_deployment(api, cluster):
    api.put(pod("p", ready=True))
    found = await wait_ready(cluster, "demo", "app=a")
    assert found["metadata"]["name"] == "p"
    assert all("deployments" not in asked.path for asked in api.asked)


async def test_a_pod_is_waited_for_and_the_newest_is_taken(api, cluster):
    async with asyncio.TaskGroup() as group:
        found = group.create_task(waiting(cluster))
        await api.watched(2)
        api.put(pod("p"))
        api.put(pod("p", ready=True))
    assert found.result()["metadata"]["name"] == "p"
    api.put(pod("q", ready=True))
    assert (await waiting(cluster))["metadata"]["name"] == "q"


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError"])
async def test_a_pod_that_can_not_start_is_told_at_once(api, cluster, reason):
    api.put(pod("p", waiting=reason))
    with pytest.raises(Refused, match=f"the Pod can't start, {reason}: .*why"):
        await waiting(cluster)


async def test_a_crash_comes_with_its_last_words(api, cluster):
    def log(asked):
        assert asked.query == {"container": "c", "tailLines": "20", "previous": "true"}
        return Answer(body=b"Traceback\nboom\n")

    api.routes["/api/v1/namespaces/demo/pods/p/log"] = log
    api.put(pod("p", waiting="CrashLoopBackOff"))
    with pytest.raises(Refused, match="its last words:\nTraceback\nboom"):
        await waiting(cluster)


async def test_a_crash_without_readable_log_is_told_without(api, cluster):
    log = "/api/v1/namespaces/demo/pods/p/log"
    api.routes[log] = lambda asked: Answer(400, {"message": "previous container not found"})
    api.put(pod("p", waiting="CrashLoopBackOff"))
    with pytest.raises(Refused, match=r"CrashLoopBackOff: container c ended with \?$"):
        await waiting(cluster)


async def test_a_deployment_that_can_make_no_pod_is_told_after_a_moment(api, cluster):
    api.put(broken())
    with pytest.raises(Refused, match="FailedCreate: exceeded quota"):
        await waiting(cluster)


async def test_trouble_that_passes_is_no_trouble(api, cluster):
    api.put(broken())
    async with asyncio.TaskGroup() as group:
        found = group.create_task(waiting(cluster))
        await api.watched(2)
        api.put(deployment())
        api.put(pod("p", ready=True))
    assert found.result()["metadata"]["name"] == "p"


async def test_a_pod_that_is_going_away_does_not_count(api, cluster):
    leaving = pod("p", ready=True)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    api.put(leaving)
    with pytest.raises(Refused, match=r"no Pod was ready within 0.3 s; no Pod was created"):
        await waiting(cluster, 0.3)


async def test_the_last_resort_tells_the_last_state_and_warning(api, cluster):
    made = api.put(pod("p", waiting="ContainerCreating"))
    api.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "demo"},
            "involvedObject": {"uid": made["metadata"]["uid"]},
            "type": "Warning",
            "reason": "FailedMount",
            "message": "no such volume",
        }
    )
    with pytest.raises(Refused, match=r"c: ContainerCreating \(FailedMount: no such volume\)"):
        await waiting(cluster, 0.3)


async def test_the_last_state_of_lasting_trouble_is_its_reason(api, cluster):
    api.put(broken())
    api.denied.add(("list", "events", "demo"))
    with pytest.raises(Refused, match="FailedCreate: exceeded quota"):
        await waiting(cluster, 0.3)


async def test_a_pod_that_vanishes_is_forgotten(api, cluster):
    api.put(pod("p"))
    api.denied.add(("list", "events", "demo"))
    async with asyncio.TaskGroup() as group:
        found = group.create_task(waiting(cluster))
        await api.watched(2)
        api.remove("v1/Pod", "p", "demo")
        api.put(pod("q", ready=True))
    assert found.result()["metadata"]["name"] == "q"


async def test_watching_pods_is_needed_watching_the_deployment_is_not(api, cluster):
    api.denied.add(("watch", "deployments", "demo"))
    api.denied.add(("list", "deployments", "demo"))
    api.put(pod("p", ready=True))
    assert await waiting(cluster)
    api.denied.add(("list", "pods", "demo"))
    with pytest.raises(Forbidden, match="list pods in namespace demo"):
        await waiting(cluster)


async def test_expired_credentials_are_told_as_such(api, cluster):
    api.token = "other"
    with pytest.raises(Unauthorized):
        await waiting(cluster)
