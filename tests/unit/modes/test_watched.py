import asyncio

import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.kube.client import Cluster
from ktconnect.modes import watched as copies
from ktconnect.modes.watched import Which, watched


def pod(name):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "demo"}}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(copies, "AGAIN", 0.01)


async def test_it_is_as_the_cluster_has_it_through_cuts_and_refusals(quick):
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        api.put(pod("a"))
        into = {"stale": pod("stale")}
        changes: asyncio.Queue[None] = asyncio.Queue()
        api.denied = {("list", "pods", "demo")}

        async def until(wanted):
            async with asyncio.timeout(10):
                while set(into) != wanted:
                    await changes.get()

        async with asyncio.TaskGroup() as tasks:
            which = Which("v1/Pod", "demo")
            task = tasks.create_task(
                watched(cluster, which, into, lambda: changes.put_nowait(None))
            )
            await asyncio.sleep(0.05)
            assert set(into) == {"stale"}  # what was known holds
            api.denied = set()
            await until({"a"})
            await api.watched()
            api.put(pod("b"))
            await until({"a", "b"})
            api.too_old = True  # what happened meanwhile is found by a new list
            api.drop_connections()
            api.remove("v1/Pod", "a", "demo")
            await until({"b"})
            task.cancel()
