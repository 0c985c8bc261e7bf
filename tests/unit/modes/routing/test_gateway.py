import asyncio

import pytest
from tests.unit.modes.inbound import in_shop, slice_of
from tests.unit.modes.routing.gateway_world import (
    GOOD,
    HTTP_ROUTE,
    PORTS,
    judged,
    mesh,
    prepared,
    routes,
    theirs,
)
from tests.unit.tunnel.ends import until

from ktconnect.errors import Refused
from ktconnect.modes.routing import gateway


async def test_each_session_has_routes_of_its_own():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        one, driver = await prepared(api, cluster)
        await driver.check(reporter)
        await driver.join(one.share)
        assert routes(api) == {"web-kt-mesh-ci-80": ["web", "web-kt-mesh-ci"]}
        other, second = await prepared(api, cluster, "bob")
        await second.join(other.share)
        assert set(routes(api)) == {"web-kt-mesh-ci-80", "web-kt-mesh-bob-80"}
        assert driver.broken == ""
        assert not one.noted.leaving
        await driver.leave(one.share)
        assert ("v1/Service", "shop", one.share.service) not in api.objects
        assert set(routes(api)) == {"web-kt-mesh-bob-80"}
        await driver.leave(one.share)
        await second.leave(other.share)
        await second.dissolve()
        assert routes(api) == {}
        assert await driver.shared_journal() == ()


async def test_routes_go_with_the_sessions_lease():
    async with in_shop(ports=PORTS) as (api, cluster, _), mesh(api):
        one, driver = await prepared(api, cluster)
        await driver.join(one.share)
        route = api.objects[HTTP_ROUTE, "shop", "web-kt-mesh-ci-80"]
        assert [each["uid"] for each in route["metadata"]["ownerReferences"]] == [
            one.seat.lease.uid
        ]


async def test_where_the_user_has_routes_the_rest_is_theirs():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        api.put(theirs())
        one, driver = await prepared(api, cluster)
        await driver.join(one.share)
        assert routes(api)["web-kt-mesh-ci-80"] == ["web-kt-mesh-ci"]
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(driver.follow(reporter))
            await api.watched(3)
            api.remove(HTTP_ROUTE, "theirs", "shop")
            await until(lambda: routes(api)["web-kt-mesh-ci-80"] == ["web", "web-kt-mesh-ci"])
            task.cancel()


async def test_a_route_that_somebody_deletes_or_changes_is_there_again():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        one, driver = await prepared(api, cluster)
        await driver.join(one.share)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(driver.follow(reporter))
            await api.watched(3)
            api.remove(HTTP_ROUTE, "web-kt-mesh-ci-80", "shop")
            await until(lambda: "web-kt-mesh-ci-80" in routes(api))
            found = api.objects[HTTP_ROUTE, "shop", "web-kt-mesh-ci-80"]
            api.put({**found, "spec": {**found["spec"], "rules": found["spec"]["rules"][:1]}})
            await until(lambda: routes(api)["web-kt-mesh-ci-80"] == ["web", "web-kt-mesh-ci"])
            task.cancel()


async def test_who_takes_no_more_routes_is_told_and_waited_for():
    async with in_shop(ports=PORTS) as (api, cluster, reporter):
        async with mesh(api):
            one, driver = await prepared(api, cluster)
            await driver.join(one.share)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(driver.follow(reporter))
            await api.watched(3)
            judged(api, {"Accepted": "False"}, "no")
            await until(lambda: driver.broken)
            assert driver.broken == "example.com/mesh does not take our route: no"
            judged(api, GOOD)
            await until(lambda: not driver.broken)
            task.cancel()
        assert len(reporter.warnings) == 1
        assert reporter.notes == ["requests of shop/web that match are led here again"]


@pytest.mark.parametrize(
    ("conditions", "what"),
    [
        ({"Accepted": "False"}, "example.com/mesh does not take the routes of shop/web: no"),
        ({}, "nobody"),
    ],
)
async def test_without_a_mesh_that_takes_routes_it_is_refused(monkeypatch, conditions, what):
    monkeypatch.setattr(gateway, "ACCEPTED", 0.2)
    async with in_shop(ports=PORTS) as (api, cluster, _), mesh(api, conditions, "no"):
        one, driver = await prepared(api, cluster)
        with pytest.raises(Refused, match=what):
            await driver.join(one.share)
        await driver.leave(one.share)
        assert routes(api) == {}


async def test_no_route_leads_to_an_agent_that_is_not_there():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        one, driver = await prepared(api, cluster)
        await driver.join(one.share)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(driver.follow(reporter))
            await api.watched(3)
            api.put(slice_of("web-kt-mesh-ci", "10.244.1.9", ready=False))
            await until(lambda: routes(api) == {})
            await until(lambda: driver.broken == "the agent is not there")
            api.put(slice_of("web-kt-mesh-ci", "10.244.1.10"))
            await until(lambda: "web-kt-mesh-ci-80" in routes(api))
            await until(lambda: not driver.broken)
            task.cancel()
