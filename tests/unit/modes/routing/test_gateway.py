import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.errors import Refused, UsageError
from ktconnect.modes.routing import gateway
from ktconnect.modes.routing.gateway import GatewayDriver

HTTP_ROUTE = "gateway.networking.k8s.io/v1/HTTPRoute"
PORTS = [{"name": "http", "port": 80, "targetPort": 8080}]
GOOD = {"Accepted": "True", "ResolvedRefs": "True"}


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(gateway, "HEARD", 0)
    monkeypatch.setattr(gateway, "LOOK", 0.02)


def theirs(kind="HTTPRoute", rules=({"backendRefs": [{"name": "web", "port": 80}]},)):
    parent = {"group": "", "kind": "Service", "name": "web"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "theirs", "namespace": "shop"},
        "spec": {"parentRefs": [parent], "rules": list(rules)},
    }


def routes(api):
    """What stands in each route, by name: who gets what."""
    return {
        name: [rule["backendRefs"][0]["name"] for rule in route["spec"]["rules"]]
        for (kind, _, name), route in sorted(api.objects.items())
        if kind == HTTP_ROUTE
    }


def judged(api, conditions, message=""):
    """A mesh says what it makes of all routes."""
    said = [
        {"type": kind, "status": status, "message": message} for kind, status in conditions.items()
    ]
    status = {"parents": [{"controllerName": "example.com/mesh", "conditions": said}]}
    for key, route in list(api.objects.items()):
        if key[0] == HTTP_ROUTE and route.get("status") != status:
            api.put({**route, "status": status})


@asynccontextmanager
async def mesh(api, conditions=GOOD, message=""):
    """One that is in the cluster, and judges whatever routes there are."""

    async def judge():
        while True:
            judged(api, conditions, message)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(judge())
        yield
        task.cancel()


async def prepared(api, cluster, mark="ci", *matches, **how):
    one = await sharer(api, cluster, mark, *matches, driver="gateway")
    driver = GatewayDriver(one.place, **how)
    await driver.prepare(one.place.lease.owner, one.share)
    return one, driver


async def test_each_session_has_routes_of_its_own():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        one, driver = await prepared(api, cluster)
        await driver.check(None, reporter)
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
            one.place.lease.uid
        ]


async def test_where_the_user_has_routes_the_rest_is_theirs():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        api.put(theirs())
        one, driver = await prepared(api, cluster)
        await driver.join(one.share)
        assert routes(api)["web-kt-mesh-ci-80"] == ["web-kt-mesh-ci"]
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(driver.follow(reporter))
            await api.watched(2)
            api.remove(HTTP_ROUTE, "theirs", "shop")
            await until(lambda: routes(api)["web-kt-mesh-ci-80"] == ["web", "web-kt-mesh-ci"])
            task.cancel()


async def test_a_route_that_somebody_deletes_or_changes_is_there_again():
    async with in_shop(ports=PORTS) as (api, cluster, reporter), mesh(api):
        one, driver = await prepared(api, cluster)
        await driver.join(one.share)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(driver.follow(reporter))
            await api.watched(2)
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
            await api.watched(2)
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


async def test_a_gateway_api_that_drops_what_it_does_not_know_is_refused():
    ports = [*PORTS, {"name": "http-admin", "port": 81}]
    async with in_shop(ports=ports) as (api, cluster, _), mesh(api):
        stored = api.put

        def pruning(manifest):
            for parent in manifest["spec"].get("parentRefs", ()):
                parent.pop("port", None)
            return stored(manifest)

        one, driver = await prepared(api, cluster)
        api.put = pruning
        with pytest.raises(Refused, match="too old"):
            await driver.join(one.share)
        assert routes(api) == {}


async def test_what_the_gateway_api_cant_say_is_refused_before_anything_is_made():
    async with in_shop(ports=PORTS) as (api, cluster, _):
        with pytest.raises(UsageError, match="only exactly"):
            await prepared(api, cluster, "ci", "header:x~=a.*")
        one, driver = await prepared(api, cluster, "bob", "header:x~=a.*", regex=True)
        await driver.leave(one.share)
        assert routes(api) == {}


async def test_a_port_that_is_not_http_is_refused():
    ports = [{"name": "tcp-web", "port": 80}]
    async with in_shop(ports=ports) as (api, cluster, _):
        with pytest.raises(UsageError, match="no port of shop/web"):
            await prepared(api, cluster)


async def test_other_kinds_of_rules_leave_no_room():
    async with in_shop(ports=PORTS) as (api, cluster, _):
        api.put(theirs("GRPCRoute"))
        with pytest.raises(UsageError, match="GRPCRoute theirs"):
            await prepared(api, cluster)
        api.remove("gateway.networking.k8s.io/v1/GRPCRoute", "theirs", "shop")
        rule = {"name": "web", "namespace": "shop"}
        spec = {"hosts": ["web"]}
        version = "networking.istio.io/v1"
        api.put({"apiVersion": version, "kind": "VirtualService", "metadata": rule, "spec": spec})
        with pytest.raises(UsageError, match="VirtualService web decides"):
            await prepared(api, cluster, "bob")
        api.denied.add(("list", "virtualservices", "shop"))
        await prepared(api, cluster, "eve")
