"""What a router needs, made by whoever looks; the driver's tests see the rest of it."""

from dataclasses import replace

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.modes.inbound import SERVICE, in_shop, service, slice_of
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import Conflict, Refused
from ktconnect.modes.routing import settling as module
from ktconnect.modes.routing.backends import Backends
from ktconnect.modes.routing.ensure import NotOurs
from ktconnect.modes.routing.redirect import Redirect
from ktconnect.modes.routing.settling import NOT_READY, Settling
from ktconnect.modes.routing.shares import Shares
from ktconnect.modes.serving.way import WayLost
from ktconnect.objects.router import RouterPod
from ktconnect.objects.session import LEASE
from ktconnect.sessions.lease import Over

DEPLOYMENT = ("apps/v1/Deployment", "shop", "web-kt-router")
FILES = ("v1/ConfigMap", "shop", "web-kt-router")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(module, "AGAIN", 0)


async def settling(api, cluster, mark="ci", **pod):
    user = await sharer(api, cluster, mark, driver="router")
    redirect = Redirect(user.seat)
    await user.seat.shared.refresh()
    if not user.seat.shared.record.journal:
        entry = redirect.entry(api.objects[SERVICE, "shop", "web"])
        await user.seat.shared.write_journal([entry])
    found = Settling(user.seat, Backends(user.seat), redirect, Shares(user.seat), RouterPod(**pod))
    return found, user


async def test_all_is_made_once_and_a_second_look_changes_nothing():
    async with in_shop() as (api, cluster, _):
        found, user = await settling(api, cluster)
        await found.settle(user.share)
        assert found.broken == NOT_READY
        versions = {key: item["metadata"]["resourceVersion"] for key, item in api.objects.items()}
        assert await found.settle(None) == []
        assert versions == {
            key: item["metadata"]["resourceVersion"] for key, item in api.objects.items()
        }


async def test_who_comes_after_the_origin_was_deleted_makes_it_where_others_know_it():
    async with in_shop() as (api, cluster, _):
        found, user = await settling(api, cluster)
        await found.settle(user.share)
        had = found._backends.cluster_ip
        api.remove(SERVICE, "web-kt-origin", "shop")
        later, bob = await settling(api, cluster, "bob")
        await later.settle(bob.share)
        assert later._backends.cluster_ip == had


async def test_a_share_that_is_not_seen_yet_is_in_the_files():
    async with in_shop() as (api, cluster, _):
        found, user = await settling(api, cluster)
        own = replace(user.share, service="web-kt-mesh-unseen", leaving=False)
        await found.settle(own)
        assert "web-kt-mesh-unseen" in api.objects[FILES]["data"]["rds-80.json"]


async def test_the_first_one_decides_how_the_router_looks():
    async with in_shop() as (api, cluster, _):
        first, _ = await settling(api, cluster, image="envoy:1", replicas=2)
        await first.settle(None)
        second, _ = await settling(api, cluster, "bob", image="envoy:2")
        await second.settle(None)
        spec = api.objects[DEPLOYMENT]["spec"]
        assert spec["replicas"] == 2
        assert spec["template"]["spec"]["containers"][0]["image"] == "envoy:1"


async def test_a_server_that_knows_no_sleeping_pods_is_not_asked_for_it():
    async with in_shop() as (api, cluster, _):
        old = {"major": "1", "minor": "28", "gitVersion": "v1.28.0"}
        api.routes["/version"] = lambda _: Answer(body=old)
        found, _ = await settling(api, cluster)
        await found.settle(None)
        [container] = api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
        assert "lifecycle" not in container


async def test_named_target_ports_keep_the_number_that_was_chosen():
    async with in_shop() as (api, cluster, _):
        found, _ = await settling(api, cluster)
        await found.settle(None)
        ports = api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["ports"]
        named = next(port for port in ports if port["name"] == "http")
        origin = slice_of("web-kt-origin", "10.244.0.7")
        api.put({**origin, "ports": [{"name": "http", "port": 9999, "protocol": "TCP"}]})
        await found.settle(None)
        again = api.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["ports"]
        assert named in again


async def test_somebody_elses_objects_are_refused_at_once():
    async with in_shop() as (api, cluster, _):
        found, _ = await settling(api, cluster)
        metadata = {"name": "web-kt-router", "namespace": "shop"}
        api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
        with pytest.raises(NotOurs, match="ConfigMap web-kt-router"):
            await found.settle(None)


async def test_who_never_gets_through_says_so(monkeypatch):
    async with in_shop() as (api, cluster, _):
        found, _ = await settling(api, cluster)
        monkeypatch.setattr(module, "TRIES", 2)

        async def always(*_):
            raise Conflict("somebody was faster")

        monkeypatch.setattr(found, "_look", always)
        with pytest.raises(Conflict, match="keeps changing under our feet"):
            await found.settle(None)


async def test_a_router_of_another_lease_is_left_alone():
    async with in_shop() as (api, cluster, _):
        found, _ = await settling(api, cluster)
        await found.settle(None)
        item = api.objects[DEPLOYMENT]
        owner = {**item["metadata"]["ownerReferences"][0], "uid": "later"}
        api.put({**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})
        await found.delete()
        assert DEPLOYMENT in api.objects
        assert FILES not in api.objects
        assert service()["metadata"]["name"] == "web"


async def test_who_was_undone_while_it_slept_makes_nothing_anew():
    async with in_shop() as (api, cluster, _):
        found, _ = await settling(api, cluster)
        await found.settle(None, lead=True)
        api.remove(LEASE, "kt-mesh-web-ci", "shop")
        api.remove(LEASE, "kt-router-web", "shop")
        with pytest.raises(Over, match="its Lease was deleted"):
            await found.settle(None, lead=True)
        assert (LEASE, "shop", "kt-router-web") not in api.objects


async def test_a_service_that_is_deleted_before_there_are_rules_ends_the_session():
    async with in_shop() as (api, cluster, _):
        found, _ = await settling(api, cluster)
        api.remove(SERVICE, "web", "shop")
        with pytest.raises(WayLost, match="service shop/web was deleted"):
            await found.is_in_force({"stats": []})


def rendered(api, number):
    item = api.objects[FILES]
    notes = {**item["metadata"]["annotations"], "kt-rendering": str(number)}
    files = {**item["data"], "lds.json": "of another version"}
    api.put({**item, "metadata": {**item["metadata"], "annotations": notes}, "data": files})


async def test_what_a_newer_version_renders_is_left_alone_and_not_joined():
    async with in_shop() as (api, cluster, _):
        found, user = await settling(api, cluster)
        await found.settle(user.share)
        rendered(api, 2)
        spec = api.objects[DEPLOYMENT]["spec"]
        newer = {**spec["template"], "metadata": {"labels": {"app": "newer"}}}
        api.put({**api.objects[DEPLOYMENT], "spec": {**spec, "template": newer}})
        assert await found.settle(None, lead=True) == []
        assert api.objects[FILES]["data"]["lds.json"] == "of another version"
        assert api.objects[DEPLOYMENT]["spec"]["template"] == newer
        later, bob = await settling(api, cluster, "bob")
        with pytest.raises(Refused, match="kept by a newer ktctl") as caught:
            await later.settle(bob.share)
        assert caught.value.hint == "update ktctl"


@pytest.mark.parametrize("number", [0, "", "x"])
async def test_what_an_older_version_rendered_is_written_anew_once(number):
    async with in_shop() as (api, cluster, _):
        found, user = await settling(api, cluster)
        await found.settle(user.share)
        rendered(api, number)
        await found.settle(None)
        assert "version_info" in api.objects[FILES]["data"]["lds.json"]
        assert api.objects[FILES]["metadata"]["annotations"]["kt-rendering"] == "1"
        version = api.objects[FILES]["metadata"]["resourceVersion"]
        await found.settle(None)
        assert api.objects[FILES]["metadata"]["resourceVersion"] == version
