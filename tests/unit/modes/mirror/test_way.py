import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from tests.unit.modes.inbound import PLAN, in_shop, service
from tests.unit.modes.reporting import Remembering
from tests.unit.modes.routing.sharing import sharer

from ktconnect.modes.mirror import way as way_module
from ktconnect.modes.mirror.tapping import Tapping
from ktconnect.modes.mirror.way import MirrorWay

if TYPE_CHECKING:
    from ktconnect.modes.routing.sharing import MakeDriver


class Still:
    """A driver that has nothing to do."""

    name, why, broken, journal = "router", "", "", ()

    def __init__(self):
        self.joined = []

    async def shared_journal(self):
        return ()

    async def prepare(self, share):
        pass

    async def join(self, share):
        self.joined.append(share)


class NoRouters:
    async def ready(self):
        return []

    async def admin(self, pod):
        raise AssertionError


async def made(api, cluster, tapping):
    user = await sharer(api, cluster)
    driver = Still()
    make = cast("MakeDriver", lambda place, backends: driver)
    way = MirrorWay(user.seat, PLAN, user.share, make, tapping=tapping, advice=())
    return way, driver


async def test_copies_are_looked_for_at_the_origin_once_they_come(monkeypatch):
    monkeypatch.setattr(way_module, "TAPPED", 0.05)
    async with in_shop() as (api, cluster, _):
        tapping = Tapping(NoRouters(), print, Remembering())
        way, driver = await made(api, cluster, tapping)
        await way.switch()  # goes on though nothing is seen yet
        assert len(driver.joined) == 1
        tapping.open.set()
        monkeypatch.setattr(way_module, "TAPPED", 30)
        async with asyncio.timeout(5):
            await way.switch()


async def test_without_a_wish_to_compare_nothing_is_waited_for():
    async with in_shop() as (api, cluster, _):
        way, driver = await made(api, cluster, None)
        async with asyncio.timeout(5):
            await way.switch()
        assert driver.joined


async def test_a_copy_has_no_origin_to_go_to():
    async with in_shop() as (api, cluster, _):
        way, _ = await made(api, cluster, None)
        api.put(service())
        del api.objects["v1/Service", "shop", "web-kt-mesh-ci"]
        origins = await way.prepare(way._seat.lease.owner)
        assert origins == {}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
