import asyncio

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.modes.inbound import PLAN, SERVICE, announced, in_shop, service, slice_of
from tests.unit.tunnel.ends import until

from ktconnect.errors import Conflict
from ktconnect.modes.exchange import origin as origins
from ktconnect.modes.exchange.origin import Origin
from ktconnect.objects.session import LEASE

NAME = "web-kt-origin"


def leftover(api, owner=None):
    owners = [{"kind": "Lease", "name": owner, "uid": "u-9"}] if owner else []
    metadata = {"name": NAME, "namespace": "shop", "ownerReferences": owners}
    api.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}})


async def made(cluster):
    origin = Origin(cluster, PLAN.agent, "web")
    lease = await announced(cluster)
    await origin.create(service(), lease.owner)
    return origin


async def test_it_is_found_by_its_own_address_and_follows_the_selector():
    async with in_shop() as (api, cluster, _):
        origin = await made(cluster)
        assert origin.address(80) == "10.96.0.99:80"
        await origin.select({"app": "two"})
        assert api.objects[SERVICE, "shop", NAME]["spec"]["selector"] == {"app": "two"}
        await origin.delete()
        await origin.delete()
        assert (SERVICE, "shop", NAME) not in api.objects


async def test_one_that_somebody_deletes_is_made_again_at_its_address(monkeypatch):
    monkeypatch.setattr(origins, "LOOK_AGAIN", 0.01)
    async with in_shop() as (api, cluster, reporter), asyncio.TaskGroup() as tasks:
        origin = await made(cluster)
        await origin.select({"app": "two"})
        before = api.objects[SERVICE, "shop", NAME]
        keeping = tasks.create_task(origin.keep(reporter))
        api.remove(SERVICE, NAME, "shop")
        await until(lambda: (SERVICE, "shop", NAME) in api.objects)
        again = api.objects[SERVICE, "shop", NAME]
        await until(lambda: reporter.warnings)
        assert again["spec"] == before["spec"]
        assert again["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
        assert again["metadata"]["uid"] != before["metadata"]["uid"]
        await origin.delete()
        await asyncio.sleep(0.05)
        assert (SERVICE, "shop", NAME) not in api.objects
        keeping.cancel()


async def test_a_cluster_out_of_reach_does_not_end_the_care_for_it(monkeypatch):
    monkeypatch.setattr(origins, "LOOK_AGAIN", 0.01)
    async with in_shop() as (api, cluster, reporter), asyncio.TaskGroup() as tasks:
        origin = await made(cluster)
        api.next_answers = [Answer(503, {"message": "not now"})] * 3
        keeping = tasks.create_task(origin.keep(reporter))
        api.remove(SERVICE, NAME, "shop")
        await until(lambda: (SERVICE, "shop", NAME) in api.objects)
        keeping.cancel()
        assert not api.next_answers


async def test_what_a_session_has_left_whose_lease_is_gone_is_cleared_away():
    async with in_shop() as (api, cluster, _):
        leftover(api, "kt-exchange-old")
        origin = await made(cluster)
        assert origin.address(80)


async def test_what_belongs_to_others_is_left_alone():
    async with in_shop() as (api, cluster, _):
        leftover(api)
        with pytest.raises(Conflict, match="not ours"):
            await made(cluster)
        api.remove(LEASE, "kt-exchange-web", "shop")
        leftover(api, "kt-exchange-web")
        with pytest.raises(Conflict, match="belongs to session"):
            await made(cluster)


async def test_one_that_another_session_has_made_since_is_not_deleted():
    async with in_shop() as (api, cluster, _):
        origin = await made(cluster)
        api.remove(SERVICE, NAME, "shop")
        leftover(api, "kt-mesh-x")
        await origin.delete()
        assert (SERVICE, "shop", NAME) in api.objects
        await Origin(cluster, PLAN.agent, "web").delete()


async def test_it_has_backends_once_one_is_ready():
    async with in_shop() as (api, cluster, _):
        origin = await made(cluster)
        assert await origin.has_backends() is False
        api.put(slice_of(NAME, "10.244.1.5", ready=False))
        assert await origin.has_backends() is False
        api.put(slice_of(NAME, "10.244.1.5"))
        assert await origin.has_backends() is True
