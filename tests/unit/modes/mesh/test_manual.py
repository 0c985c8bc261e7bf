import asyncio
from dataclasses import replace

from tests.unit.modes.inbound import AGENT, PLAN, SERVICE, in_shop, service
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.modes.mesh.manual import ManualWay
from ktconnect.modes.routing.redirect import Redirect
from ktconnect.rules.mark import Mark

LABELS = {"app": "web", "version": "ci"}


def way(cluster):
    plan = replace(PLAN, mode="mesh", alone=True)
    return ManualWay(cluster, plan, service(), Mark("version", "ci"))


def agent(api, service="web"):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{AGENT}-1",
            "namespace": "shop",
            "labels": {**LABELS, "kt-session": AGENT},
        },
        "spec": {},
    }
    api.put(pod)
    api.put(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service}-1",
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": service},
            },
            "endpoints": [{"addresses": ["10.244.0.9"], "targetRef": {"name": f"{AGENT}-1"}}],
        }
    )


async def test_the_agent_is_one_more_pod_of_the_service_until_the_end():
    async with in_shop() as (api, cluster, reporter):
        found = way(cluster)
        assert dict(found.labels) == LABELS
        assert found.banner == "Now you can update Istio rule by label 'version=ci'"
        assert await found.prepare({}) == {}
        agent(api)
        await found.check(None, reporter)
        await found.switch()
        assert found.broken == ""
        assert (await found.service())["metadata"]["name"] == "web"
        await found.give_back()
        assert found.broken
        labels = api.objects["v1/Pod", "shop", f"{AGENT}-1"]["metadata"]["labels"]
        assert labels == {"kt-session": AGENT}
        await found.remove()


async def test_a_service_that_selects_it_no_more_is_told():
    async with in_shop() as (api, cluster, reporter):
        found = way(cluster)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(found.follow(reporter))
            await until(lambda: found.broken == "")
            api.put(service(selector={"app": "two"}))
            await until(lambda: reporter.warnings)
            assert "does not select the agent any more" in found.broken
            api.remove(SERVICE, "web", "shop")
            await asyncio.sleep(0.05)
            assert len(reporter.warnings) == 1
            api.put(service())
            await until(lambda: found.broken == "")
            following.cancel()


async def test_behind_a_router_it_is_the_origins_selector_that_counts():
    async with in_shop() as (api, cluster, reporter):
        user = await sharer(api, cluster, driver="router")
        redirect = Redirect(user.seat)
        await user.seat.shared.write_journal([redirect.entry(service())])
        await redirect.lead(api.objects[SERVICE, "shop", "web"], to_router=True)
        agent(api, "web-kt-origin")
        found = way(cluster)
        await found.switch()
        assert found.broken == ""
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(found.follow(reporter))
            found.broken = "not looked at yet"
            await until(lambda: found.broken == "")
            following.cancel()
        assert reporter.warnings == []
