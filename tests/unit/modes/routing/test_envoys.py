import asyncio

import pytest
from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.envoy import CONFIG_MAP, NAME, Admin, router_pod

from ktconnect.modes.routing import draining
from ktconnect.modes.routing import envoys as module
from ktconnect.modes.routing.draining import load_of
from ktconnect.modes.routing.envoys import Envoys


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "LOOK", 0.001)
    monkeypatch.setattr(module, "LOOKS", 2)


def envoys(cluster):
    found = Envoys(cluster, "shop", NAME)
    found.port = 19900
    return found


def notes(api, name="web-kt-router-1"):
    return api.objects["v1/Pod", "shop", name]["metadata"].get("annotations") or {}


async def test_pods_that_end_are_none():
    async with in_shop() as (api, cluster, _):
        api.put(router_pod())
        api.put(router_pod("old", deletionTimestamp="now"))
        found = await envoys(cluster).pods()
        assert [pod["metadata"]["name"] for pod in found] == ["web-kt-router-1"]


async def test_nodes_are_told_to_look_and_a_pod_that_is_gone_is_no_failure():
    async with in_shop() as (api, cluster, _):
        api.put(router_pod())
        gone = router_pod("gone")
        await envoys(cluster).refresh([*await envoys(cluster).pods(), gone], "r1")
        assert notes(api) == {"kt-revision": "r1"}


async def test_all_that_are_ready_must_agree_and_one_there_must_be(monkeypatch):
    async with in_shop() as (api, cluster, _):
        admin = Admin(api).install(monkeypatch)
        admin.callers = 1
        asked = []

        async def wish(stats):
            asked.append(load_of(stats).connections)
            admin.callers = 0
            return asked[-1] == 0

        assert not await envoys(cluster).all_are(draining.ACTIVE, wish, 0.05)
        assert asked == []
        api.put(router_pod())
        api.put(router_pod("not-ready", ready=False))
        assert await envoys(cluster).all_are(draining.ACTIVE, wish, 5)
        assert asked == [1, 0]


async def test_who_waits_hurries_the_nodes_now_and_then(monkeypatch):
    async with in_shop() as (api, cluster, _):
        Admin(api).install(monkeypatch)
        api.put(router_pod())
        hurried: list[int] = []

        async def never(stats):
            return len(hurried) == 2

        async def hurry():
            hurried.append(1)

        assert await envoys(cluster).all_are(draining.ACTIVE, never, 5, hurry)


async def test_callers_are_asked_to_come_back_and_waited_for(monkeypatch):
    said: list[int] = []
    async with in_shop() as (api, cluster, _):
        admin = Admin(api).install(monkeypatch)
        api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {}})
        api.put(router_pod())
        api.put(router_pod("second"))
        assert await envoys(cluster).drain(said.append) == 0
        assert sorted(admin.drained) == ["second", "web-kt-router-1"]
        monkeypatch.setattr(draining, "IDLE_SECONDS", 0)
        admin.callers = 3
        assert await envoys(cluster).drain(said.append) == 0
        assert said == []
        monkeypatch.setattr(draining, "CALLS_SECONDS", 3600)
        monkeypatch.setattr(draining, "SAY_AFTER", 0)
        admin.calls = 1

        def say(calls):
            said.append(calls)
            admin.calls = 0

        assert await envoys(cluster).drain(say) == 0
        assert said == [2], "one in each Pod"


async def test_an_admin_that_falls_silent_is_taken_at_its_last_word(monkeypatch):
    monkeypatch.setattr(draining, "CALLS_SECONDS", 3600)
    monkeypatch.setattr(draining, "SAY_AFTER", 0)
    monkeypatch.setattr(draining, "IDLE_SECONDS", 0)
    async with in_shop() as (api, cluster, _):
        admin = Admin(api).install(monkeypatch)
        admin.calls = 2
        api.put(router_pod())
        real, answers = admin.ask, [b"overloaded", b"", b"[]"]

        async def ask(method, target):
            if method == "POST" or said == []:
                return await real(method, target)
            admin.calls = 0
            return answers.pop() if answers else await real(method, target)

        admin.ask = ask
        said: list[int] = []
        assert await envoys(cluster).drain(said.append) == 0
        assert answers == [], "it was not taken for idle"


async def test_an_admin_that_can_not_be_asked_is_asked_again(monkeypatch):
    async with in_shop() as (api, cluster, _):
        admin = Admin(api).install(monkeypatch)
        api.put(router_pod())
        found = envoys(cluster)
        real, failures = admin.ask, [OSError("cut off")]

        async def ask(method, target):
            if failures:
                raise failures.pop()
            return await real(method, target)

        admin.ask = ask

        async def wish(stats):
            return True

        assert await found.all_are(draining.ACTIVE, wish, 5)
        assert failures == []
        assert (CONFIG_MAP, "shop", NAME) not in api.objects


@pytest.mark.parametrize("odd", [b"", b"overloaded", b"[]", b"{}", b'{"stats":1}', b"[" * 100_000])
async def test_an_admin_that_answers_something_else_is_asked_again(monkeypatch, odd):
    async with in_shop() as (api, cluster, _):
        admin = Admin(api).install(monkeypatch)
        api.put(router_pod())
        real, answers = admin.ask, [odd]

        async def ask(method, target):
            return answers.pop() if answers else await real(method, target)

        admin.ask = ask

        async def wish(stats):
            return bool(stats["stats"])

        assert await envoys(cluster).all_are(draining.ACTIVE, wish, 5)
        assert answers == []


async def test_without_a_pod_that_is_ready_there_is_nobody_to_wait_for(monkeypatch):
    async with in_shop() as (api, cluster, _):
        admin = Admin(api).install(monkeypatch)
        admin.calls = 3
        api.put(router_pod(ready=False))
        monkeypatch.setattr(draining, "CALLS_SECONDS", 3600)
        async with asyncio.timeout(20):
            assert await envoys(cluster).drain(print) == 0
        assert await envoys(cluster).ready() == []
