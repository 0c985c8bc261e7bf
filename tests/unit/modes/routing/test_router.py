"""The router driver on a fake cluster, with an Envoy that follows its files."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest
from tests.unit.modes.inbound import SERVICE, in_shop, selector
from tests.unit.modes.routing.envoy import CONFIG_MAP, NAME, Admin, router_pod
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.errors import Refused
from ktconnect.modes.routing import changes, envoys, router
from ktconnect.modes.routing.backends import Backends
from ktconnect.modes.routing.router import RouterDriver
from ktconnect.objects.router import RouterPod
from ktconnect.rules.model import ANNOTATION, share_of

DEPLOYMENT = "apps/v1/Deployment"
ROUTED = {"app": NAME}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("LOOK_AGAIN", "BREATH", "PROXIES"):
        monkeypatch.setattr(router, name, 0.01)
    monkeypatch.setattr(changes, "BREATH", 0.01)
    monkeypatch.setattr(router, "IN_FORCE", 20)
    monkeypatch.setattr(router, "OUT_OF_FORCE", 2)
    monkeypatch.setattr(envoys, "LOOK", 0.001)


class User:
    """One who shares the Service by a router."""

    def __init__(self, found):
        self.seat, self.share = found.seat, found.share
        self.backends = Backends(found.seat)
        self.driver = RouterDriver(found.seat, self.backends, RouterPod(), within=2)

    async def prepare(self):
        shared = self.seat.shared
        await shared.refresh()
        if not shared.record.journal:
            await shared.write_journal(await self.driver.shared_journal())
        await self.driver.prepare(self.share)

    async def start(self):
        await self.prepare()
        await self.driver.join(self.share)


async def user(api, cluster, mark="ci"):
    return User(await sharer(api, cluster, mark, driver="router"))


@asynccontextmanager
async def shared(monkeypatch, **admin):
    """The Service, and an Envoy that comes up with its Deployment."""
    async with in_shop() as (api, cluster, reporter):
        found = Admin(api, **admin).install(monkeypatch)
        real = api.put

        def put(manifest):
            made = real(manifest)
            if (
                manifest["kind"] == "Deployment"
                and ("v1/Pod", "shop", f"{NAME}-1") not in api.objects
            ):
                real(router_pod())
            return made

        api.put = put
        yield api, cluster, reporter, found


def files(api):
    return api.objects[CONFIG_MAP, "shop", NAME]["data"]


async def test_who_comes_first_is_in_the_first_files_and_callers_are_led_last(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, _, _admin):
        ci = await user(api, cluster)
        await ci.prepare()
        assert "web-kt-mesh-ci" in files(api)["rds-80.json"]
        assert (DEPLOYMENT, "shop", NAME) in api.objects
        assert selector(api) == {"app": "web"}
        await ci.driver.check(None)
        await ci.driver.join(ci.share)
        assert selector(api) == ROUTED
        assert ci.driver.broken == ""


async def test_who_comes_later_has_a_way_before_a_route(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, _, _admin):
        await (await user(api, cluster)).start()
        bob = await user(api, cluster, "bob")
        await bob.prepare()
        assert "web-kt-mesh-bob" in files(api)["cds.yaml"]
        assert "web-kt-mesh-bob" not in files(api)["rds-80.json"]
        await bob.driver.join(bob.share)
        assert "web-kt-mesh-bob" in files(api)["rds-80.json"]
        assert "web-kt-mesh-ci" in files(api)["rds-80.json"]


async def test_a_rehearsal_shows_the_route_of_who_comes_later_too(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, _, _admin):
        await (await user(api, cluster)).start()
        bob = await user(api, cluster, "bob")
        await bob.prepare()
        api.remove(SERVICE, bob.share.service, "shop")  # a dry run has none
        await bob.driver.rehearse(bob.share)
        assert "web-kt-mesh-bob" in files(api)["rds-80.json"]


async def test_a_node_that_was_too_fast_is_told_once_more(monkeypatch):
    """It may look at the ConfigMap before it has heard that it has changed."""
    async with shared(monkeypatch, touches=6) as (api, cluster, _, _admin):
        await (await user(api, cluster)).start()
        bob = await user(api, cluster, "bob")
        await bob.prepare()
        await bob.driver.join(bob.share)
        notes = api.objects["v1/Pod", "shop", f"{NAME}-1"]["metadata"]["annotations"]
        assert "." in notes["kt-revision"]


async def test_rules_that_are_not_taken_are_refused_and_callers_not_led(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, _, admin):
        ci = await user(api, cluster)
        await ci.start()
        monkeypatch.setattr(router, "IN_FORCE", 0.05)
        bob = await user(api, cluster, "bob")
        admin.stubborn = admin.refuses = True
        await bob.prepare()
        with pytest.raises(Refused, match="did not take its new rules") as caught:
            await bob.driver.join(bob.share)
        assert "kubectl logs -n shop deployment/web-kt-router" in caught.value.hint
        assert "Envoy has refused listener_manager.lds" in str(caught.value)


async def test_a_router_that_does_not_come_up_is_refused(monkeypatch):
    async with in_shop() as (api, cluster, _):
        Admin(api).install(monkeypatch)
        ci = await user(api, cluster)
        await ci.prepare()
        ci.driver._within = 0.05
        with pytest.raises(Refused, match="the router of shop/web does not come up") as caught:
            await ci.driver.check(None)
        assert "--routerImage" in caught.value.hint


@asynccontextmanager
async def following(driver, reporter, api):
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(driver.follow(reporter))
        await api.watched(4)
        yield
        task.cancel()


async def test_what_somebody_deletes_or_edits_is_made_again_and_told(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            for kind, name in (
                (CONFIG_MAP, NAME),
                (DEPLOYMENT, NAME),
                (SERVICE, "web-kt-origin-pods"),
            ):
                api.remove(kind, name, "shop")
                await until(partial(api.objects.__contains__, (kind, "shop", name)))
            found = api.objects[DEPLOYMENT, "shop", NAME]
            api.put({**found, "spec": {**found["spec"], "replicas": 0}})
            await until(lambda: api.objects[DEPLOYMENT, "shop", NAME]["spec"]["replicas"] == 1)
            await until(lambda: len(reporter.notes) >= 4)
        assert f"ConfigMap {NAME} is made again, as it should be" in reporter.notes


async def test_without_a_router_that_is_ready_callers_go_past_it(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            api.put(router_pod(ready=False))
            await until(lambda: selector(api) == {"app": "web"})
            await until(lambda: reporter.warnings)
            assert "no Pod of the router is ready" in ci.driver.broken
            api.put(router_pod())
            await until(lambda: selector(api) == ROUTED)
            await until(lambda: ci.driver.broken == "")
        assert "go past the router" in reporter.warnings[0][0]
        assert any("serves again" in note for note in reporter.notes)


async def test_who_applies_the_service_anew_is_followed(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            found = api.objects[SERVICE, "shop", "web"]
            api.put({**found, "spec": {**found["spec"], "selector": {"app": "two"}}})
            await until(lambda: selector(api) == ROUTED)
            await until(lambda: reporter.notes)
        assert "it gets the selector app=two" in reporter.notes[0]
        origin = api.objects[SERVICE, "shop", "web-kt-origin"]
        assert origin["spec"]["selector"] == {"app": "two"}


async def test_a_deleted_service_is_told_and_taken_up_again(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            gone = api.objects[SERVICE, "shop", "web"]
            api.remove(SERVICE, "web", "shop")
            await until(lambda: "was deleted" in ci.driver.broken)
            metadata = {"name": "web", "namespace": "shop"}
            api.put(
                {**gone, "metadata": metadata, "spec": {**gone["spec"], "selector": {"app": "web"}}}
            )
            await until(lambda: ci.driver.broken == "")
            await until(lambda: selector(api) == ROUTED)


async def test_a_shared_lease_that_somebody_ended_is_made_again(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            api.remove("coordination.k8s.io/v1/Lease", "kt-router-web", "shop")
            lease = ("coordination.k8s.io/v1/Lease", "shop", "kt-router-web")
            await until(lambda: lease in api.objects)
            uid = api.objects[lease]["metadata"]["uid"]

            def owned():
                found = api.objects.get((DEPLOYMENT, "shop", NAME))
                return found and found["metadata"]["ownerReferences"][0]["uid"] == uid

            await until(owned)
        assert ci.seat.shared.record.journal


async def test_who_leaves_is_out_when_it_returns_and_the_others_stay(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, _, admin):
        ci, bob = await user(api, cluster), await user(api, cluster, "bob")
        await ci.start()
        await bob.start()
        await ci.driver.leave(ci.share)
        assert "web-kt-mesh-ci" not in files(api)["rds-80.json"]
        assert "web-kt-mesh-bob" in files(api)["rds-80.json"]
        assert selector(api) == ROUTED
        api.remove(SERVICE, "web-kt-mesh-ci", "shop")
        await ci.driver.leave(ci.share)  # a second time: it is gone
        await bob.driver.leave(bob.share)
        await bob.driver.dissolve()
        assert admin.drained == [f"{NAME}-1"]
        assert (DEPLOYMENT, "shop", NAME) not in api.objects
        assert (CONFIG_MAP, "shop", NAME) not in api.objects


async def test_the_last_one_says_what_is_waited_for_and_what_was_cut(monkeypatch):
    async def drain(_, say):
        say(3)
        return 2

    monkeypatch.setattr(envoys.Envoys, "drain", drain)
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.prepare()
        await ci.driver.check(reporter)
        await ci.driver.join(ci.share)
        await ci.driver.leave(ci.share)
        assert reporter.notes == []
        await ci.driver.dissolve()
        going, cut = reporter.notes
        assert going.startswith("3 calls go on through the router of shop/web: waiting for")
        assert cut.startswith("2 calls through the router of shop/web went on for more than")
        assert (DEPLOYMENT, "shop", NAME) not in api.objects


async def test_two_who_write_at_once_lose_nobody(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, _, _admin):
        users = [await user(api, cluster, mark) for mark in ("ann", "bob", "eve")]
        await users[0].prepare()
        await asyncio.gather(*(each.prepare() for each in users))
        await asyncio.gather(*(each.driver.join(each.share) for each in users))
        for each in users:
            assert each.share.service in files(api)["rds-80.json"]
        assert replace(users[0].share, leaving=False).mark == "ann"


async def test_a_share_that_somebody_edited_is_said_again(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            found = api.objects[SERVICE, "shop", ci.share.service]
            notes = {**found["metadata"]["annotations"], ANNOTATION: "nonsense"}
            api.put({**found, "metadata": {**found["metadata"], "annotations": notes}})
            await until(lambda: share_of(api.objects[SERVICE, "shop", ci.share.service]))
            await until(lambda: "web-kt-mesh-ci" in files(api)["rds-80.json"])
        assert ci.driver.broken == ""


async def test_a_session_without_its_own_service_says_so(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            api.remove(SERVICE, ci.share.service, "shop")
            await until(lambda: reporter.warnings)
        assert "service shop/web-kt-mesh-ci, by which requests come here" in ci.driver.broken
        assert reporter.warnings[0][1] == "it is made again"
        assert len(reporter.warnings) == 1


async def test_what_is_forbidden_is_told_once_and_tried_at_leisure(monkeypatch):
    async with shared(monkeypatch) as (api, cluster, reporter, _admin):
        ci = await user(api, cluster)
        await ci.start()
        async with following(ci.driver, reporter, api):
            ci.driver._changes.look_again = 3600
            await until(lambda: not ci.driver._changes.is_told)
            api.denied.add(("list", "services", "shop"))
            for _ in range(2):
                ci.driver._changes.tell()
                await until(lambda: not ci.driver._changes.is_told)
                await until(lambda: reporter.warnings)
            asked = len(api.asked)
            await asyncio.sleep(0.1)
            assert len(api.asked) < asked + 20
        [(told, hint)] = reporter.warnings
        assert "can't be kept as it should be" in told
        assert hint


async def test_who_leaves_waits_for_no_router_that_is_not_ready(monkeypatch):
    monkeypatch.setattr(router, "OUT_OF_FORCE", 3600)
    async with shared(monkeypatch) as (api, cluster, _, _admin):
        ci = await user(api, cluster)
        await ci.start()
        api.put(router_pod(ready=False))
        async with asyncio.timeout(20):
            await ci.driver.leave(ci.share)
        assert "web-kt-mesh-ci" not in files(api)["rds-80.json"]
