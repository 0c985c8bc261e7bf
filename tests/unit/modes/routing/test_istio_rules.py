from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.istio_world import (
    PORTS,
    REST,
    VIRTUAL_SERVICE,
    joined,
    rules,
    theirs,
)
from tests.unit.modes.routing.sharing import sharer

from ktconnect.modes.routing.istio import IstioDriver
from ktconnect.objects.session import record_of


async def test_the_one_together_goes_with_the_shared_lease():
    async with joined() as (api, _, _, one, _):
        [owner] = api.objects[VIRTUAL_SERVICE, "shop", "web-kt-mesh"]["metadata"]["ownerReferences"]
        assert owner["uid"] == one.seat.shared.uid


async def test_a_rule_of_the_users_for_many_hosts_gets_one_for_this_host_alone():
    async with joined(theirs(REST, hosts=["*"])) as (api, _, driver, one, _):
        [ours, _] = api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"]["http"]
        assert ours["match"][0]["authority"]["regex"].startswith(r"(web(\.shop(")
        api.put(theirs(ours, REST))  # from now on for this host alone
        await driver.join(one.share)
        [ours, _] = api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"]["http"]
        assert "authority" not in ours["match"][0]
        [entry] = record_of(one.seat.lease.stored).journal or ()
        assert entry.after == ours
        assert entry.before is None


async def test_who_may_look_at_one_namespace_alone_goes_by_that():
    async with in_shop(ports=PORTS) as (api, cluster, _):
        api.denied.add(("list", "virtualservices", ""))
        api.put(theirs(REST, namespace="mesh", hosts=["web.shop"]))
        one = await sharer(api, cluster)
        driver = IstioDriver(one.seat)
        await driver.prepare(one.share)
        await driver.join(one.share)
        assert rules(api) == ["kt-mesh-web-kt-mesh-ci-80", "kt-rest"]


async def test_what_an_earlier_lease_has_left_is_made_anew():
    async with in_shop(ports=PORTS) as (api, cluster, _):
        old = theirs(REST, name="web-kt-mesh")
        old["metadata"]["ownerReferences"] = [{"kind": "Lease", "uid": "old", "name": "x"}]
        before = api.put(old)["metadata"]["uid"]
        one = await sharer(api, cluster)
        driver = IstioDriver(one.seat)
        await driver.prepare(one.share)
        await driver.join(one.share)
        assert rules(api) == ["kt-mesh-web-kt-mesh-ci-80", "kt-rest"]
        assert api.objects[VIRTUAL_SERVICE, "shop", "web-kt-mesh"]["metadata"]["uid"] != before
        assert await driver.shared_journal() == ()
