"""A session's own Service, in a cluster where others may have its name or its address."""

from dataclasses import replace

import pytest
from tests.unit.modes.inbound import PLAN, SERVICE, in_shop, service
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import Conflict, Refused
from ktconnect.modes.routing.own import OwnService
from ktconnect.rules.model import share_of

NAME = "web-kt-mesh-ci"
OWN = (SERVICE, "shop", NAME)


class User:
    """One whose own Service is yet to be made."""

    def __init__(self, api, cluster, user):
        self.api, self.cluster, self.share = api, cluster, user.share
        self.owner = user.seat.lease.owner
        self.own = OwnService(user.seat, replace(PLAN, mode="mesh"), NAME)

    async def make(self):
        return await self.own.make(service(), self.owner, self.share)


async def user_of(api, cluster):
    user = await sharer(api, cluster)
    api.remove(SERVICE, NAME, "shop")
    return User(api, cluster, user)


def somebodys(**metadata):
    named = {"name": NAME, "namespace": "shop", **metadata}
    spec = {"ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": spec}


async def test_it_leads_to_the_agent_says_the_share_and_goes_with_the_session():
    async with in_shop() as (api, cluster, _):
        user = await user_of(api, cluster)
        assert not user.own.is_known
        made = await user.make()
        said = share_of(api.objects[OWN])
        assert said is not None
        assert said.matches == user.share.matches
        assert api.objects[OWN]["metadata"]["ownerReferences"] == [user.owner]
        assert [port["port"] for port in made["spec"]["ports"]] == [80]
        assert user.own.is_made(await user.own.found())
        await user.own.remove()
        await user.own.remove()
        assert OWN not in api.objects


async def test_made_again_it_has_its_address_if_that_is_free(monkeypatch):
    async with in_shop() as (api, cluster, _):
        user = await user_of(api, cluster)
        had = (await user.make())["spec"]["clusterIP"]
        api.remove(SERVICE, NAME, "shop")
        assert (await user.make())["spec"]["clusterIP"] == had
        api.remove(SERVICE, NAME, "shop")
        create, asked = cluster.create, []

        async def refusing(manifest):
            asked.append(manifest["spec"].get("clusterIP"))
            if asked[-1]:
                raise Refused("provided IP is already allocated")
            return await create(manifest)

        monkeypatch.setattr(cluster, "create", refusing)
        assert user.own.is_made(await user.make())
        assert asked == [had, None]


async def test_what_a_dead_session_left_under_the_name_makes_way():
    async with in_shop() as (api, cluster, _):
        user = await user_of(api, cluster)
        owners = [{"kind": "Lease", "name": "kt-mesh-web-ci", "uid": "before"}]
        api.put(somebodys(ownerReferences=owners))
        await user.make()
        assert api.objects[OWN]["metadata"]["ownerReferences"] == [user.owner]


async def test_a_name_that_is_somebody_elses_is_refused():
    async with in_shop() as (api, cluster, _):
        user = await user_of(api, cluster)
        api.put(somebodys())
        with pytest.raises(Conflict, match="web-kt-mesh-ci in namespace shop that is not ours"):
            await user.make()
        await user.own.remove()
        assert OWN in api.objects


async def test_one_of_its_own_that_it_does_not_know_is_left_to_who_made_it():
    async with in_shop() as (api, cluster, _):
        user = await user_of(api, cluster)
        api.put(somebodys(ownerReferences=[user.owner]))
        with pytest.raises(Conflict, match="made by somebody at this very moment"):
            await user.make()


async def test_another_one_of_its_name_is_not_deleted():
    async with in_shop() as (api, cluster, _):
        user = await user_of(api, cluster)
        await user.make()
        api.remove(SERVICE, NAME, "shop")
        api.put(somebodys())
        await user.own.remove()
        assert OWN in api.objects
