import pytest
from tests.unit.modes.inbound import SERVICE, in_shop, selector, service
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import Conflict, UsageError
from ktconnect.modes.routing.redirect import Redirect, as_before
from ktconnect.modes.serving.way import WayLost
from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions.lease import Over

OURS = {"app": "web-kt-router"}


async def redirect(api, cluster, mark="ci"):
    """One of those who share the Service; whoever comes first makes the journal."""
    user = await sharer(api, cluster, mark, driver="router")
    found = Redirect(user.seat)
    if not user.seat.shared.record.journal:
        await user.seat.shared.write_journal([found.entry(now(api))])
    return found


def now(api):
    return api.objects[SERVICE, "shop", "web"]


def noted(api):
    record = record_of(api.objects[LEASE, "shop", "kt-router-web"])
    return (record.journal or ())[0].before


async def test_callers_are_led_there_and_back():
    async with in_shop() as (api, cluster, _):
        found = await redirect(api, cluster)
        assert await found.lead(now(api), to_router=True)
        assert selector(api) == OURS
        assert found.leads(now(api))
        assert not await found.lead(now(api), to_router=True)
        assert await found.lead(now(api), to_router=False)
        assert selector(api) == {"app": "web"}
        assert not await found.lead(now(api), to_router=False)


async def test_what_its_owner_wants_next_is_written_down_first_and_comes_back():
    async with in_shop() as (api, cluster, _):
        found = await redirect(api, cluster)
        await found.lead(now(api), to_router=True)
        assert not await found.learn(now(api))
        api.put({**now(api), "spec": {**now(api)["spec"], "selector": {"app": "two"}}})
        assert await found.learn(now(api))
        assert noted(api) == {"app": "two"}
        await found.lead(now(api), to_router=True)
        assert selector(api) == OURS
        await found.lead(now(api), to_router=False)
        assert selector(api) == {"app": "two"}


async def test_of_two_who_see_the_same_change_one_writes_it_down():
    async with in_shop() as (api, cluster, _):
        one = await redirect(api, cluster)
        other = await redirect(api, cluster, "bob")
        api.put({**now(api), "spec": {**now(api)["spec"], "selector": {"app": "two"}}})
        assert await one.learn(now(api))
        with pytest.raises(Conflict):
            await other.learn(now(api))
        await other._seat.shared.refresh()
        assert not await other.learn(now(api))


@pytest.mark.parametrize("who", ["web-kt-exchange-abcde", "web-kt-mirror-1", "other-kt-router"])
async def test_a_way_to_another_session_is_never_what_its_owner_wants(who):
    async with in_shop() as (api, cluster, _):
        found = await redirect(api, cluster)
        api.put({**now(api), "spec": {**now(api)["spec"], "selector": {"app": who}}})
        with pytest.raises(WayLost, match=f"led to app={who}") as caught:
            await found.learn(now(api))
        assert "its own selector was app=web" in caught.value.hint
        assert noted(api) == {"app": "web"}
        assert selector(api) == {"app": who}


async def test_a_newer_state_is_left_to_the_next_look():
    async with in_shop() as (api, cluster, _):
        found = await redirect(api, cluster)
        old = now(api)
        api.put({**old, "spec": {**old["spec"], "selector": {"app": "two"}}})
        assert not await found.lead(old, to_router=True)
        assert selector(api) == {"app": "two"}


async def test_a_service_without_selector_can_not_be_led():
    async with in_shop() as (api, cluster, _):
        found = await redirect(api, cluster)
        with pytest.raises(UsageError):
            found.entry(service(selector={}))
        with pytest.raises(WayLost, match="no selector any more"):
            await found.learn(service(selector={}))


async def test_without_a_router_nothing_is_led():
    async with in_shop() as (api, cluster, _):
        user = await sharer(api, cluster)
        with pytest.raises(Conflict, match="shared without a router"):
            _ = Redirect(user.seat).before


async def test_who_was_undone_while_it_slept_leads_nobody():
    async with in_shop() as (api, cluster, _):
        found = await redirect(api, cluster)
        api.remove(LEASE, "kt-mesh-web-ci", "shop")
        with pytest.raises(Over, match="its Lease was deleted"):
            await found.lead(now(api), to_router=True)
        assert selector(api) == {"app": "web"}


async def test_the_service_is_seen_as_its_owner_wants_it():
    async with in_shop() as (api, cluster, _):
        await redirect(api, cluster)
        assert await as_before(cluster, now(api)) is now(api)
        led = {**now(api), "spec": {**now(api)["spec"], "selector": OURS}}
        assert (await as_before(cluster, led))["spec"]["selector"] == {"app": "web"}
