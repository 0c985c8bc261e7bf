import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Forbidden, Unreachable
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import Login, Plugin
from ktconnect.kube.credentials import Credentials
from ktconnect.kube.failures import Unauthorized
from ktconnect.kube.plugin import Credential


def pod(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "demo", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


async def take(events: Any, number: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(10):
        while len(found) < number:
            event = await anext(events)
            found.append(
                f"{event.type} {event.object['metadata']['name']}" if event.object else "-"
            )
    return found


@pytest.fixture
async def events(api, cluster):
    api.put(pod("a"))
    async with aclosing(cluster.watch("v1/Pod", "demo")) as stream:
        yield stream


async def test_what_exists_comes_first_then_what_changes(api, events):
    assert await take(events, 2) == ["ADDED a", "-"]
    async with asyncio.TaskGroup() as group:
        changes = group.create_task(take(events, 3))
        await api.watched()
        api.put(pod("b"))
        api.put(pod("a", x="y"))
        api.remove("v1/Pod", "b", "demo")
    assert changes.result() == ["ADDED b", "MODIFIED a", "DELETED b"]


async def test_a_lost_connection_is_made_good(api, events):
    await take(events, 2)
    async with asyncio.TaskGroup() as group:
        changes = group.create_task(take(events, 1))
        await api.watched()
        api.drop_connections()
        await api.watched()
        api.put(pod("b"))
    assert changes.result() == ["ADDED b"]


async def test_a_watch_that_the_server_ends_goes_on(api, events):
    await take(events, 2)
    async with asyncio.TaskGroup() as group:
        changes = group.create_task(take(events, 1))
        await api.watched()
        api.end_watches()
        await api.watched()
        api.put(pod("b"))
    assert changes.result() == ["ADDED b"]
    assert api.asked[-1].query["resourceVersion"] == "1"


async def test_after_an_expired_version_only_the_differences_are_told(api, events):
    api.put(pod("stays"))
    assert await take(events, 3) == ["ADDED a", "ADDED stays", "-"]
    async with asyncio.TaskGroup() as group:
        changes = group.create_task(take(events, 3))
        await api.watched()
        api.too_old = True
        watchers, api.watchers = api.watchers, []
        api.remove("v1/Pod", "a", "demo")
        api.put(pod("b"))
        api.put(pod("stays", x="y"))
        api.watchers = watchers
        api.end_watches()
    assert changes.result() == ["DELETED a", "ADDED b", "MODIFIED stays"]


async def test_an_error_in_the_stream_leads_to_a_new_list(api, events):
    await take(events, 2)
    async with asyncio.TaskGroup() as group:
        changes = group.create_task(take(events, 1))
        await api.watched()
        ((_, _, queue),), api.watchers = api.watchers, []
        api.put(pod("b"))
        queue.put_nowait({"type": "ERROR", "object": {"code": 410, "message": "too old"}})
    assert changes.result() == ["ADDED b"]


async def test_bookmarks_move_the_version_on_silently(api, events):
    await take(events, 2)
    async with asyncio.TaskGroup() as group:
        changes = group.create_task(take(events, 1))
        await api.watched()
        bookmark = {"kind": "Pod", "metadata": {"resourceVersion": "77"}}
        api.watchers[0][2].put_nowait({"type": "BOOKMARK", "object": bookmark})
        api.end_watches()
        await api.watched()
        api.put(pod("b"))
    assert changes.result() == ["ADDED b"]
    assert api.asked[-1].query["resourceVersion"] == "77"


async def test_a_denied_watch_is_an_error(api, events):
    api.denied.add(("watch", "pods", "demo"))
    with pytest.raises(Forbidden, match="no right to watch pods in namespace demo"):
        await take(events, 3)


async def test_a_denied_list_is_an_error_before_anything_is_told(api, cluster):
    api.denied.add(("list", "pods", "demo"))
    async with aclosing(cluster.watch("v1/Pod", "demo")) as stream:
        with pytest.raises(Forbidden):
            await anext(stream)


async def test_a_watch_outlives_a_restart_of_the_server():
    api = FakeApi()
    async with api.serving():
        api.put(pod("a"))
        cluster = Cluster(api.config())
        stream = cluster.watch("v1/Pod", "demo")
        assert await take(stream, 2) == ["ADDED a", "-"]
    async with cluster, aclosing(stream), asyncio.TaskGroup() as group:
        changes = group.create_task(take(stream, 1))
        async with api.serving():
            await api.watched()
            api.put(pod("b"))
            await asyncio.wait([changes], timeout=10)
    assert changes.result() == ["ADDED b"]


async def test_credentials_that_expire_during_a_watch_are_renewed(api):
    api.token = "one"
    handed = iter(["one", "two", "three"])

    async def run(plugin, config):
        return Credential(token=next(handed))

    config = api.config(login=Login(plugin=Plugin("helper")))
    async with Cluster(config, credentials=Credentials(config, run=run)) as cluster:
        async with aclosing(cluster.watch("v1/Pod", "demo")) as stream:
            assert await take(stream, 1) == ["-"]
            api.token = "two"
            async with asyncio.TaskGroup() as group:
                changes = group.create_task(take(stream, 1))
                await api.watched()
                api.put(pod("b"))
            assert changes.result() == ["ADDED b"]


async def test_credentials_that_can_not_be_renewed_end_a_watch(api, events):
    await take(events, 2)
    api.token = "other"
    with pytest.raises(Unauthorized):
        await take(events, 1)


async def test_nobody_there_at_all_is_unreachable():
    api = FakeApi()
    async with api.serving():
        config = api.config()
    async with Cluster(config) as cluster, aclosing(cluster.watch("v1/Pod", "demo")) as stream:
        with pytest.raises(Unreachable):
            await anext(stream)
