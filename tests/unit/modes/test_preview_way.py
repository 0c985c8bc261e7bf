import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.unit.kube.fakeanswers import failed
from tests.unit.modes.inbound import AGENT, DNS, PLAN, SERVICE, WEB, announced, in_shop
from tests.unit.tunnel.ends import until

from ktconnect.errors import Conflict
from ktconnect.modes.preview_way import PreviewWay, outside_of, owner_of
from ktconnect.modes.serving.way import WayLost

MINE = (SERVICE, "shop", "mine")
PLAN = replace(PLAN, mode="preview", service="mine", ports=(replace(WEB, name=""), DNS))


@asynccontextmanager
async def previewed(*, external=False):
    async with in_shop() as (api, cluster, reporter):
        way = PreviewWay(cluster, PLAN, external=external)
        assert await way.prepare((await announced(cluster)).owner) == {}
        await way.switch()
        yield api, way, reporter


@asynccontextmanager
async def followed(**flags):
    async with previewed(**flags) as (api, way, reporter), asyncio.TaskGroup() as tasks:
        following = tasks.create_task(way.follow(reporter))
        await api.watched()
        yield api, way, reporter
        following.cancel()


async def test_the_service_leads_to_the_agent_alone_and_goes_with_the_session():
    async with previewed() as (api, way, _):
        made = api.objects[MINE]
        assert made["spec"]["selector"] == {"kt-session": AGENT}
        assert [(p["port"], p["targetPort"], p["protocol"]) for p in made["spec"]["ports"]] == [
            (80, 8080, "TCP"),
            (53, 5353, "UDP"),
        ]
        assert made["metadata"]["ownerReferences"][0]["kind"] == "Lease"
        assert (await way.service())["metadata"]["name"] == "mine"
        await way.give_back()
        await way.give_back()
        assert MINE not in api.objects


async def test_a_service_that_is_there_is_never_touched():
    async with previewed() as (api, way, _):
        theirs = api.objects[MINE]
        with pytest.raises(Conflict, match="at this very moment"):
            await way.switch()
        assert api.objects[MINE] == theirs
        api.remove(SERVICE, "mine", "shop")
        api.put({**theirs, "spec": {"selector": {"app": "theirs"}}})
        await way.remove()
        assert api.objects[MINE]["spec"]["selector"] == {"app": "theirs"}


async def test_one_that_is_deleted_is_made_anew():
    async with followed() as (api, way, reporter):
        api.remove(SERVICE, "mine", "shop")
        await until(lambda: MINE in api.objects and reporter.notes)
        assert "is there again" in reporter.notes[0]
        assert way.broken == ""


async def test_the_address_that_callers_remember_is_kept_if_it_can_be():
    async with previewed() as (api, way, _):
        had = {**api.objects[MINE]["spec"], "clusterIP": "10.96.0.55"}
        way._made = {**way._made, "spec": had}
        api.remove(SERVICE, "mine", "shop")
        await way.switch()
        assert api.objects[MINE]["spec"]["clusterIP"] == "10.96.0.55"
        api.remove(SERVICE, "mine", "shop")
        api.next_answers.append(failed(422, "Invalid", "provided IP is already allocated"))
        await way.switch()
        assert api.objects[MINE]["spec"]["clusterIP"] == "10.96.0.99"


async def test_one_that_somebody_else_makes_meanwhile_is_theirs():
    async with previewed() as (api, way, reporter):
        theirs = {**api.objects[MINE], "spec": {}}
        api.remove(SERVICE, "mine", "shop")
        real = api._create

        def taken(*asked):
            api.put(theirs)
            return real(*asked)

        api._create = taken
        with pytest.raises(WayLost, match="another one's now"):
            await way.follow(reporter)


async def test_one_that_is_taken_away_by_us_stays_away():
    async with followed() as (api, way, reporter):
        await way.give_back()
        await asyncio.sleep(0.05)
        assert MINE not in api.objects
        assert reporter.notes == []


async def test_its_address_in_the_world_is_told_once_it_has_one():
    async with followed(external=True) as (api, _, reporter):
        assert api.objects[MINE]["spec"]["type"] == "LoadBalancer"
        status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}
        for _ in range(2):
            api.put({**api.objects[MINE], "status": status})
        await until(lambda: reporter.notes)
        assert reporter.notes == ["from outside the cluster it is found at 192.0.2.7"]


async def test_a_cluster_out_of_reach_does_not_end_the_watch():
    async with followed() as (api, _, _reporter):
        api.drop_connections()
        await api.watched()
        api.remove(SERVICE, "mine", "shop")
        await until(lambda: MINE in api.objects)


def test_without_a_load_balancer_there_is_no_address():
    assert outside_of({}) == ""
    many = {"status": {"loadBalancer": {"ingress": [{"hostname": "a"}, {"ip": "b"}, {}]}}}
    assert outside_of(many) == "a, b"


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"annotations": {"kt-user": "ann@laptop"}}, "a session of ann@laptop"),
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "of Helm release shop"),
        ({"ownerReferences": [{"kind": "App", "name": "x"}]}, "owned by App x"),
        ({"labels": {"app.kubernetes.io/managed-by": "argo"}}, "managed by argo"),
        ({"managedFields": [{"manager": "kubectl-create"}]}, "made with kubectl-create"),
        ({"creationTimestamp": "2026-01-01"}, "there since 2026-01-01"),
    ],
)
def test_whose_a_service_is_as_far_as_it_says_so(metadata, told):
    assert owner_of({"metadata": metadata}) == told
