import pytest
from tests.unit.kube.fakeanswers import failed
from tests.unit.modes.inbound import SERVICE, in_shop, service, slice_of
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import Conflict
from ktconnect.modes.routing import backends as module
from ktconnect.modes.routing.backends import Backends

APP = {"app": "web"}


async def test_there_are_two_services_of_the_original_pods():
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        assert not backends.are_there
        done = await backends.ensure(service(selector={"app": "router"}), APP, {}, headless=True)
        assert done == ["web-kt-origin", "web-kt-origin-pods"]
        assert backends.are_there
        for name in done:
            made = api.objects[SERVICE, "shop", name]
            assert made["spec"]["selector"] == APP
            assert made["metadata"]["ownerReferences"][0]["name"] == "kt-router-web"
        assert api.objects[SERVICE, "shop", done[1]]["spec"]["clusterIP"] == "None"
        assert backends.address(80) == f"{backends.cluster_ip}:80"


async def test_they_follow_what_the_owner_of_the_service_wants():
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        await backends.ensure(service(), APP, {})
        there = {"web-kt-origin": api.objects[SERVICE, "shop", "web-kt-origin"]}
        assert await backends.ensure(service(), APP, there) == []
        assert await backends.ensure(service(), {"app": "two"}, there) == ["web-kt-origin"]
        assert api.objects[SERVICE, "shop", "web-kt-origin"]["spec"]["selector"] == {"app": "two"}


async def test_one_that_was_deleted_comes_back_at_its_address():
    """The agents know it: without it a dead laptop's callers would have no way back."""
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        await backends.ensure(service(), APP, {})
        found = api.objects[SERVICE, "shop", "web-kt-origin"]
        api.put({**found, "spec": {**found["spec"], "clusterIP": "10.96.7.7"}})
        there = {"web-kt-origin": api.objects[SERVICE, "shop", "web-kt-origin"]}
        await backends.ensure(service(), APP, there)
        api.remove(SERVICE, "web-kt-origin", "shop")
        assert await backends.ensure(service(), APP, {}) == ["web-kt-origin"]
        again = api.objects[SERVICE, "shop", "web-kt-origin"]
        assert again["spec"]["clusterIP"] == "10.96.7.7"


async def test_who_never_saw_it_makes_it_at_the_address_that_others_know():
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        await backends.ensure(service(), APP, {}, headless=True, was="10.96.7.7")
        assert backends.cluster_ip == "10.96.7.7"
        pods = api.objects[SERVICE, "shop", "web-kt-origin-pods"]
        assert pods["spec"]["clusterIP"] == "None"


async def test_an_address_that_is_not_let_go_yet_is_waited_for(monkeypatch):
    monkeypatch.setattr(module, "AGAIN", 0)
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        taken = failed(422, "Invalid", "provided IP is already allocated")
        api.next_answers += [taken] * (module.TRIES - 1)
        await backends.ensure(service(), APP, {}, was="10.96.7.7")
        assert backends.cluster_ip == "10.96.7.7"


async def test_an_address_that_is_taken_meanwhile_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "AGAIN", 0)
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        await backends.ensure(service(), APP, {})
        api.remove(SERVICE, "web-kt-origin", "shop")
        taken = failed(422, "Invalid", "provided IP is already allocated")
        api.next_answers += [taken] * module.TRIES
        assert await backends.ensure(service(), APP, {}, was="10.96.7.7") == ["web-kt-origin"]
        assert api.objects[SERVICE, "shop", "web-kt-origin"]["spec"]["clusterIP"] != "10.96.7.7"


async def test_whether_any_pod_is_ready_is_known():
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        assert not await backends.has_backends()
        api.put(slice_of("web-kt-origin", "10.244.0.7", ready=False))
        assert not await backends.has_backends()
        api.put(slice_of("web-kt-origin", "10.244.0.7"))
        assert await backends.has_backends()


async def test_they_go_and_another_ones_stay():
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        await backends.ensure(service(), APP, {})
        other = api.put({**service(), "metadata": {"name": backends.pods, "namespace": "shop"}})
        await backends.delete()
        assert (SERVICE, "shop", "web-kt-origin") not in api.objects
        kept = api.objects[SERVICE, "shop", "web-kt-origin-pods"]
        assert kept["metadata"]["uid"] == other["metadata"]["uid"]
        assert not backends.are_there


async def test_a_name_that_is_somebody_elses_is_refused():
    async with in_shop() as (api, cluster, _):
        backends = Backends((await sharer(api, cluster)).seat)
        name = {"name": "web-kt-origin", "namespace": "shop"}
        there = {"web-kt-origin": api.put({**service(), "metadata": name})}
        with pytest.raises(Conflict, match="that is not ours"):
            await backends.ensure(service(), APP, there)
