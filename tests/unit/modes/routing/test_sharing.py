"""The way of a session that shares a Service, with a driver that only remembers."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest
from tests.unit.modes.inbound import PLAN, SERVICE, SLICE, Asked, in_shop, slice_of
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, Refused
from ktconnect.modes.routing.sharing import MakeDriver, SharingWay
from ktconnect.objects.session import LEASE, record_of
from ktconnect.rules.model import ANNOTATION, share_of

OWN = (SERVICE, "shop", "web-kt-mesh-ci")


class Driver:
    name, why, journal = "router", "", ()

    def __init__(self):
        self.broken = ""
        self.did = []
        self.led = asyncio.Event()

    async def shared_journal(self):
        return ()

    async def prepare(self, share):
        self.did.append(("prepare", share.address))

    async def check(self, reporter):
        self.did.append(("check",))

    async def join(self, share):
        self.did.append(("join", share.mark))

    async def follow(self, reporter):
        self.led.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.did.append(("followed",))

    async def leave(self, share):
        self.did.append(("leave", share.mark))

    async def dissolve(self):
        self.did.append(("dissolve",))

    def words(self):
        return [did[0] for did in self.did]


async def made(api, cluster, mark="ci"):
    """A way whose session is announced, and nothing else."""
    user = await sharer(api, cluster, mark)
    api.remove(*[SERVICE, user.share.service, "shop"])
    driver = Driver()
    make = cast("MakeDriver", lambda place, backends: driver)
    plan = replace(PLAN, mode="mesh", ports=PLAN.exposed)
    return SharingWay(user.seat, plan, user.share, make, banner="b"), driver, user


class Late(Driver):
    """Looks at the Service, at first, when callers are led to the router of others who leave."""

    def __init__(self, *selectors):
        super().__init__()
        self._selectors = list(selectors)

    async def shared_journal(self):
        before = self._selectors.pop(0)
        return (Entry("kube", f"{SERVICE}/shop/web#/spec/selector", before, ROUTED),)


ROUTED = {"app": "web-kt-router"}
SHARED_LEASE = (LEASE, "shop", "kt-router-web")


async def joined(api, cluster, driver):
    way, _, _ = await made(api, cluster)
    way.driver = driver
    api.remove(LEASE, "kt-router-web", "shop")
    await way._share()


async def test_who_saw_a_router_that_was_about_to_go_looks_at_the_service_again():
    async with in_shop() as (api, cluster, _):
        await joined(api, cluster, Late(ROUTED, {"app": "web"}))
        [entry] = record_of(api.objects[SHARED_LEASE]).journal or ()
        assert entry.before == {"app": "web"}


async def test_a_router_that_nobody_takes_away_is_told():
    async with in_shop() as (api, cluster, _):
        with pytest.raises(Conflict, match="whose session is gone"):
            await joined(api, cluster, Late(ROUTED, ROUTED))
        assert SHARED_LEASE not in api.objects


async def test_a_session_has_a_service_of_its_own_that_takes_nothing_yet():
    async with in_shop() as (api, cluster, _):
        way, driver, user = await made(api, cluster)
        origins = await way.prepare(user.seat.lease.owner)
        share = share_of(api.objects[OWN])
        assert share is not None
        assert share.leaving
        assert share.address
        assert driver.did == [("prepare", share.address)]
        [origin] = origins.values()
        assert origin.endswith(":80")
        assert (SERVICE, "shop", "web-kt-origin") in api.objects
        assert (await way.service())["metadata"]["name"] == "web-kt-mesh-ci"
        assert (await way.callers_service())["metadata"]["name"] == "web"


async def test_that_it_takes_requests_is_a_step_that_can_be_undone():
    async with in_shop() as (api, cluster, _):
        way, _, _ = await made(api, cluster)
        [entry] = way.journal
        assert entry.key == f"v1/Service/shop/web-kt-mesh-ci#/metadata/annotations/{ANNOTATION}"
        assert '"leaving":true' in entry.before
        assert '"leaving":false' in entry.after


async def test_the_origin_and_the_driver_are_looked_at_before_it_joins():
    async with in_shop() as (api, cluster, reporter):
        way, driver, user = await made(api, cluster)
        await way.prepare(user.seat.lease.owner)
        api.put(slice_of("web-kt-origin", "10.244.0.7"))
        [origin] = [way._backends.address(80)]
        await way.check(Asked(reached=[f"tcp:{origin}"]), reporter)
        await way.switch()
        assert driver.words() == ["prepare", "check", "join"]
        assert way.broken == ""


async def test_the_last_one_out_puts_back_what_all_shared_and_follows_no_more():
    async with in_shop() as (api, cluster, reporter):
        way, driver, user = await made(api, cluster)
        await way.prepare(user.seat.lease.owner)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(way.follow(reporter))
            await driver.led.wait()
            await way.give_back()
            assert driver.words()[-3:] == ["followed", "leave", "dissolve"]
            await way.remove()
            await way.remove()
        kept = {key for key in api.objects if key[0] not in (LEASE, SLICE)}
        assert kept == {(SERVICE, "shop", "web")}
        assert (LEASE, "shop", "kt-router-web") not in api.objects


async def test_who_is_not_the_last_leaves_the_others_what_they_share():
    async with in_shop() as (api, cluster, _):
        way, driver, user = await made(api, cluster)
        await sharer(api, cluster, "bob")
        await way.prepare(user.seat.lease.owner)
        await way.give_back()
        await way.remove()
        assert driver.words() == ["prepare", "leave"]
        assert OWN not in api.objects
        assert (SERVICE, "shop", "web-kt-origin") in api.objects
        assert (LEASE, "shop", "kt-router-web") in api.objects


async def keeping(api, cluster, reporter, change):
    """A session that has begun, and what it did since ``change`` was done to its Service."""
    way, driver, user = await made(api, cluster)
    await way.prepare(user.seat.lease.owner)
    await way.switch()
    before = api.objects[OWN]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(way.follow(reporter))
        await driver.led.wait()
        await change(way, user)
        await way.give_back()
    return way, driver, before


async def test_a_session_makes_its_own_service_again_at_its_address_and_joins_anew():
    async with in_shop() as (api, cluster, reporter):

        async def change(way, user):
            api.remove(SERVICE, "web-kt-mesh-ci", "shop")
            await until(lambda: reporter.notes)
            assert way.share.uid == api.objects[OWN]["metadata"]["uid"]

        way, driver, before = await keeping(api, cluster, reporter, change)
        again = api.objects[OWN]
        assert again["metadata"]["uid"] != before["metadata"]["uid"]
        assert again["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
        assert again["spec"]["clusterIP"] == before["spec"]["clusterIP"] == way.share.address
        assert driver.words() == ["prepare", "join", "join", "followed", "leave", "dissolve"]
        assert reporter.notes == ["service shop/web-kt-mesh-ci was deleted, and is there again"]
        await way.remove()
        assert OWN not in api.objects


async def test_an_address_that_is_another_ones_by_now_is_given_up():
    async with in_shop() as (api, cluster, reporter):
        way, _, user = await made(api, cluster)
        await way.prepare(user.seat.lease.owner)
        had = api.objects[OWN]["metadata"]["uid"]
        api.remove(SERVICE, "web-kt-mesh-ci", "shop")
        create, asked = cluster.create, []

        async def refusing(manifest):
            asked.append(manifest["spec"].get("clusterIP"))
            if asked[-1]:
                raise Refused("provided IP is already allocated")
            return await create(manifest)

        cluster.create = refusing
        await way._look(reporter)
        assert len(asked) == 2
        assert api.objects[OWN]["metadata"]["uid"] == way.share.uid != had


async def test_a_creation_that_was_not_answered_is_found():
    async with in_shop() as (api, cluster, reporter):
        way, driver, user = await made(api, cluster)
        await way.prepare(user.seat.lease.owner)
        found = api.objects[OWN]
        way._own.take({**found, "metadata": {**found["metadata"], "uid": "before"}})
        await way._look(reporter)
        await way._look(reporter)
        assert way.share.uid == found["metadata"]["uid"]
        assert driver.words() == ["prepare", "join"]


async def test_a_session_that_was_ended_makes_nothing_again():
    async with in_shop() as (api, cluster, reporter):
        way, driver, user = await made(api, cluster)
        await way.prepare(user.seat.lease.owner)
        api.remove(LEASE, user.seat.lease.session.name, "shop")
        api.remove(SERVICE, "web-kt-mesh-ci", "shop")
        await way._look(reporter)
        assert OWN not in api.objects
        assert driver.words() == ["prepare"]
        assert reporter.notes == []


async def test_one_that_never_began_has_nothing_to_give_back():
    async with in_shop() as (api, cluster, _):
        way, driver, _ = await made(api, cluster)
        await way.give_back()
        await way.remove()
        assert "join" not in driver.words()
