"""A fake cluster with HTTPRoutes, and a mesh that says what it makes of them."""

import asyncio
from contextlib import asynccontextmanager

from tests.unit.modes.routing.sharing import sharer

from ktconnect.modes.routing.gateway import GatewayDriver

HTTP_ROUTE = "gateway.networking.k8s.io/v1/HTTPRoute"
PORTS = [{"name": "http", "port": 80, "targetPort": 8080}]
GOOD = {"Accepted": "True", "ResolvedRefs": "True"}


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
    driver = GatewayDriver(one.seat, **how)
    await driver.prepare(one.share)
    return one, driver
