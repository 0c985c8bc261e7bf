import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.modes.routing import tidying
from ktconnect.modes.routing.tidying import tidy
from ktconnect.objects.session import LEASE


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tidying, "EVERY", 0.01)
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 0)


def lease(api, mark):
    return api.objects.get((LEASE, "shop", f"kt-mesh-web-{mark}"))


def silent(api, mark, seconds):
    """As if its laptop had not been heard for so long."""
    found = lease(api, mark)
    then = datetime.fromtimestamp(api.now, UTC) - timedelta(seconds=seconds)
    renewed = then.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    api.put({**found, "spec": {**found["spec"], "renewTime": renewed}})


@asynccontextmanager
async def tidying_up(user, reporter):
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tidy(user.seat, reporter))
        yield
        running.cancel()


def is_gone(api, mark):
    return lease(api, mark) is None


async def test_who_lives_undoes_what_a_dead_one_shared_and_no_more():
    async with in_shop() as (api, cluster, reporter):
        bob, *_ = [await sharer(api, cluster, mark) for mark in ("bob", "ann", "eve")]
        silent(api, "ann", 120)
        silent(api, "eve", 80)  # a laptop that comes back, or its agent's guard, is first
        async with tidying_up(bob, reporter):
            await until(partial(is_gone, api, "ann"))
            await until(lambda: reporter.notes)
        assert lease(api, "bob") is not None
        assert lease(api, "eve") is not None
        assert (LEASE, "shop", "kt-router-web") in api.objects
        assert reporter.notes == [
            "session kt-mesh-web-ann of ann@laptop is dead: what it took of shop/web is undone"
        ]


async def test_who_wakes_up_does_not_undo_itself():
    async with in_shop() as (api, cluster, reporter):
        bob, _ = [await sharer(api, cluster, mark) for mark in ("bob", "ann")]
        for mark in ("bob", "ann"):
            silent(api, mark, 3600)
        async with tidying_up(bob, reporter):
            await until(lambda: reporter.notes)
        assert lease(api, "ann") is None
        assert lease(api, "bob") is not None


async def test_what_cannot_be_undone_is_left_to_others():
    async with in_shop() as (api, cluster, reporter):
        bob, _ = [await sharer(api, cluster, mark) for mark in ("bob", "ann")]
        silent(api, "ann", 120)
        asked = len(api.asked)
        api.denied = {("delete", "leases", "shop")}
        async with tidying_up(bob, reporter):
            await until(lambda: len(api.asked) > asked + 8)
            api.denied |= {("list", "leases", "shop")}
            asked = len(api.asked)
            await until(lambda: len(api.asked) > asked + 3)
        assert lease(api, "ann") is not None
        assert reporter.notes == []
