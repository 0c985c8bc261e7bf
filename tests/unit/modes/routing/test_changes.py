"""When a driver looks again."""

import asyncio

import pytest
from tests.unit.modes.inbound import SERVICE, in_shop, service
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.apply.change import Entry
from ktconnect.modes.routing import changes as module
from ktconnect.modes.routing.changes import Changes
from ktconnect.modes.watched import Which


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "BREATH", 0)


async def test_it_is_looked_at_once_where_something_changes_and_else_now_and_then():
    async with in_shop() as (api, cluster, _):
        changes, looks = Changes(3600), []

        async def look():
            looks.append(1)

        watching = changes.of(cluster, Which(SERVICE, "shop"))
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(changes.follow(watching, look=look))
            await api.watched()
            await until(lambda: looks)
            seen = len(looks)
            api.put(service(selector={"app": "two"}))
            await until(lambda: len(looks) > seen)
            following.cancel()
        changes.look_again = 0.01
        assert not changes.is_told
        await changes.next()


async def test_a_renewal_of_what_is_shared_is_no_reason_to_look(monkeypatch):
    async with in_shop() as (api, cluster, _):
        shared = (await sharer(api, cluster)).seat.shared
        changes, told = Changes(3600), []
        monkeypatch.setattr(changes, "tell", lambda: told.append(1))
        watching = changes.of_lease(cluster, "shop", shared.session.name)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(watching)
            await api.watched()
            await until(lambda: told)
            for _ in range(5):
                await shared.renew()
            await shared.write_journal(
                [Entry("kube", "v1/Service/shop/web#/spec/selector", {}, {})]
            )
            await until(lambda: len(told) >= 2)
            following.cancel()
        assert told == [1, 1]
