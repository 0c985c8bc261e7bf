"""A router's ConfigMap, as one of those who keep it sees it; see also ``test_settling``."""

import pytest
from tests.unit.modes.inbound import SERVICE, in_shop
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import Conflict, Refused
from ktconnect.modes.routing.ensure import Ensured
from ktconnect.modes.routing.envoys import Envoys
from ktconnect.modes.routing.files import CONFIG_MAP, Files
from ktconnect.modes.routing.routeplan import SharedService, route_plan

NAME = "web-kt-router"
FILES = (CONFIG_MAP, "shop", NAME)


async def keeper(api, cluster, mark="ci"):
    """Somebody's files, and what is to be in them."""
    user = await sharer(api, cluster, mark, driver="router")
    seat = user.seat
    envoys = Envoys(cluster, "shop", NAME)
    found = Files(seat, NAME, Ensured(cluster), envoys)
    shared = SharedService(api.objects[SERVICE, "shop", "web"], None, ())
    return found, route_plan(shared, (user.share,), "10.96.0.8", "web-kt-origin-pods")


def noted(api, **notes):
    item = api.objects[FILES]
    said = {**item["metadata"]["annotations"], **notes}
    api.put({**item, "metadata": {**item["metadata"], "annotations": said}})


async def test_what_was_written_is_known_until_somebody_writes_something_else():
    async with in_shop() as (api, cluster, _):
        files, plan = await keeper(api, cluster)
        assert not files.is_known(await files.found())
        assert files.are_in_force({"stats": []}) is None
        await files.hurry()  # nobody: there is nothing to be seen yet
        assert await files.write(plan, None, []) == [f"ConfigMap {NAME}"]
        assert files.fresh
        assert files.is_known(await files.found())
        assert files.are_in_force({"stats": []}) is False
        assert await files.write(plan, await files.found(), []) == []
        assert not files.fresh
        noted(api, **{"kt-revision": "of somebody else"})
        assert not files.is_known(await files.found())


async def test_what_was_looked_at_too_early_is_not_replaced():
    async with in_shop() as (api, cluster, _):
        files, plan = await keeper(api, cluster)
        await files.write(plan, None, [])
        with pytest.raises(Conflict):
            await files.write(plan, None, [])


async def test_the_origins_address_is_told_by_files_of_this_lease_alone():
    async with in_shop() as (api, cluster, _):
        files, plan = await keeper(api, cluster)
        assert files.origin_address(None) == ""
        await files.write(plan, None, [])
        assert files.origin_address(await files.found()) == "10.96.0.8"
        other = {**api.objects[FILES], "metadata": {**api.objects[FILES]["metadata"]}}
        other["metadata"]["ownerReferences"] = [{"kind": "Lease", "uid": "before", "name": "x"}]
        assert files.origin_address(other) == ""


async def test_a_newer_rendering_is_left_alone_and_not_joined():
    async with in_shop() as (api, cluster, _):
        files, plan = await keeper(api, cluster)
        assert not files.is_newer(None, None)
        await files.write(plan, None, [])
        assert not files.is_newer(await files.found(), plan.shares[0])
        noted(api, **{"kt-rendering": "2"})
        found = await files.found()
        assert files.is_newer(found, None)
        with pytest.raises(Refused, match="kept by a newer ktctl"):
            files.is_newer(found, plan.shares[0])
