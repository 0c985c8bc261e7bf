"""A session that has put its rules into a fake cluster with Istio's kinds."""

import asyncio
from contextlib import asynccontextmanager

from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.sharing import sharer

from ktconnect.modes.routing.istio import IstioDriver

VIRTUAL_SERVICE = "networking.istio.io/v1/VirtualService"
DESTINATION_RULE = "networking.istio.io/v1/DestinationRule"
PORTS = [{"name": "http", "port": 80, "targetPort": 8080}]
REST = {"name": "v1", "route": [{"destination": {"host": "web", "subset": "v1"}, "weight": 100}]}


def theirs(*http, name="web", namespace="shop", kind="VirtualService", **spec):
    said = {"hosts": ["web"], "http": list(http)} if kind == "VirtualService" else {"host": "web"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**said, **spec},
    }


@asynccontextmanager
async def joined(*theirs_, mark="ci"):
    """A session that has joined."""
    async with in_shop(ports=PORTS) as (api, cluster, reporter):
        for each in theirs_:
            api.put(each)
        one = await sharer(api, cluster, mark)
        driver = IstioDriver(one.seat)
        await driver.prepare(one.share)
        await driver.check(reporter)
        await driver.join(one.share)
        yield api, cluster, driver, one, reporter


@asynccontextmanager
async def following(driver, reporter, api):
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(driver.follow(reporter))
        await api.watched(4)
        yield
        task.cancel()


def rules(api, name="web-kt-mesh"):
    found = api.objects.get((VIRTUAL_SERVICE, "shop", name))
    return [rule.get("name") for rule in found["spec"]["http"]] if found else None
