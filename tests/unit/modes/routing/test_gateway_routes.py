import pytest
from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.gateway_world import (
    PORTS,
    mesh,
    prepared,
    routes,
    theirs,
)

from ktconnect.errors import Conflict, Refused, UsageError
from ktconnect.modes.routing import gateway_routes


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


async def test_routes_that_keep_changing_are_given_up(monkeypatch):
    monkeypatch.setattr(gateway_routes, "AGAIN", 0)
    async with in_shop(ports=PORTS) as (api, cluster, _), mesh(api):
        one, driver = await prepared(api, cluster)
        taken = theirs()
        taken["metadata"]["name"] = "web-kt-mesh-ci-80"  # of somebody else
        api.put(taken)
        with pytest.raises(Conflict, match="keep changing"):
            await driver.join(one.share)
