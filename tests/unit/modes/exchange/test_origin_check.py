import errno
from dataclasses import replace

import pytest
from tests.unit.modes.inbound import DNS, PLAN, Asked, announced, in_shop, service, slice_of

from ktconnect.errors import Refused
from ktconnect.modes.exchange import origin_check as redirect_check
from ktconnect.modes.exchange.origin import Origin
from ktconnect.modes.exchange.origin_check import check_origin

ORIGIN = "tcp:10.96.0.99:80"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(redirect_check, "LIMIT", 0.05)
    monkeypatch.setattr(redirect_check, "REFUSED_FOR", 0.05)
    monkeypatch.setattr(redirect_check, "AGAIN", 0.01)


async def origin_of(cluster):
    origin = Origin(cluster, PLAN.agent, "web")
    await origin.create(service(), (await announced(cluster)).owner)
    return origin


async def test_every_exposed_port_is_tried_and_no_other():
    async with in_shop() as (api, cluster, reporter):
        origin = await origin_of(cluster)
        api.put(slice_of("web-kt-origin", "10.244.1.5"))
        tunnel = Asked([ORIGIN])
        await check_origin(PLAN, origin, tunnel, reporter)
        assert tunnel.asked == [ORIGIN]
        assert reporter.warnings == []


async def test_pods_out_of_reach_are_a_reason_not_to_switch():
    async with in_shop() as (api, cluster, reporter):
        origin = await origin_of(cluster)
        api.put(slice_of("web-kt-origin", "10.244.1.5"))
        with pytest.raises(Refused, match="nothing was switched") as caught:
            await check_origin(PLAN, origin, Asked(errno=errno.ETIMEDOUT), reporter)
        assert "NetworkPolicy" in caught.value.hint


async def test_a_port_that_refuses_is_told_once_that_has_lasted():
    async with in_shop() as (api, cluster, reporter):
        origin = await origin_of(cluster)
        api.put(slice_of("web-kt-origin", "10.244.1.5"))
        tunnel = Asked()
        await check_origin(PLAN, origin, tunnel, reporter)
        assert len(tunnel.asked) > 1
        assert "refuse connections" in reporter.warnings[0][0]


async def test_without_a_ready_pod_there_is_nobody_to_try():
    async with in_shop() as (_, cluster, reporter):
        origin = await origin_of(cluster)
        tunnel = Asked()
        await check_origin(PLAN, origin, tunnel, reporter)
        assert tunnel.asked == []
        assert reporter.warnings == []


async def test_who_may_not_see_the_pods_asks_the_agent_all_the_same():
    async with in_shop() as (api, cluster, reporter):
        origin = await origin_of(cluster)
        api.denied = {("list", "endpointslices", "shop")}
        tunnel = Asked([ORIGIN])
        await check_origin(PLAN, origin, tunnel, reporter)
        assert tunnel.asked == [ORIGIN]


async def test_that_udp_tells_nothing_is_said():
    async with in_shop() as (api, cluster, reporter):
        origin = await origin_of(cluster)
        api.put(slice_of("web-kt-origin", "10.244.1.5"))
        plan = replace(PLAN, ports=(DNS,))
        await check_origin(plan, origin, Asked(), reporter)
        assert "UDP" in reporter.notes[0]
