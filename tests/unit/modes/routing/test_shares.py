from dataclasses import replace

import pytest
from tests.unit.modes.inbound import in_shop, service
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import Conflict
from ktconnect.modes.routing.shares import Shares, said_on, with_own


async def test_those_of_the_service_are_listed_and_published():
    async with in_shop() as (api, cluster, _):
        ci = await sharer(api, cluster)
        bob = await sharer(api, cluster, "bob")
        other = api.objects["v1/Service", "shop", "web-kt-mesh-bob"]
        metadata = {**other["metadata"], "name": "x", "labels": {"kt-target": "other"}}
        api.put({**other, "metadata": metadata})
        shares = Shares(ci.seat)
        assert [each.mark for each in await shares.listed()] == ["ci", "bob"]
        assert await shares.publish(replace(bob.share, leaving=False))
        assert [each.leaving for each in await shares.listed()] == [True, False]
        assert not await shares.publish(replace(bob.share, service="gone"))


async def test_ones_own_counts_though_it_is_not_seen_yet():
    async with in_shop() as (api, cluster, _):
        ci = (await sharer(api, cluster)).share
        assert with_own((), ci) == (ci,)
        assert with_own((ci,), ci) == (ci,)
        assert with_own((ci,), None) == (ci,)


async def test_a_share_has_the_address_of_its_service():
    async with in_shop() as (api, cluster, _):
        ci = (await sharer(api, cluster)).share
        plain = replace(ci, address="", since="")
        found = said_on(api.objects["v1/Service", "shop", ci.service], plain)
        assert (found.address, found.since) == (ci.address, ci.since)
        with pytest.raises(Conflict, match="was deleted"):
            said_on({**service(), "metadata": {"name": "x", "deletionTimestamp": "now"}}, plain)


async def test_the_service_of_who_has_taken_the_mark_over_is_left_alone():
    async with in_shop() as (api, cluster, _):
        ci = await sharer(api, cluster)
        theirs = api.objects["v1/Service", "shop", ci.share.service]
        api.remove("v1/Service", ci.share.service, "shop")
        metadata = {key: theirs["metadata"][key] for key in ("namespace", "labels", "annotations")}
        api.put({**theirs, "metadata": {**metadata, "name": ci.share.service}})
        kept = api.objects["v1/Service", "shop", ci.share.service]
        assert kept["metadata"]["uid"] != ci.share.uid
        assert not await Shares(ci.seat).publish(replace(ci.share, leaving=False))
        await Shares(ci.seat).withdraw(ci.share)
        assert api.objects["v1/Service", "shop", ci.share.service] == kept
        await Shares(ci.seat).withdraw(replace(ci.share, uid=kept["metadata"]["uid"]))
        assert ("v1/Service", "shop", ci.share.service) not in api.objects
