import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.errors import Refused, UsageError
from ktconnect.modes.routing import istio
from ktconnect.modes.routing.istio import IstioDriver
from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions.restore import restore

VIRTUAL_SERVICE = "networking.istio.io/v1/VirtualService"
DESTINATION_RULE = "networking.istio.io/v1/DestinationRule"
PORTS = [{"name": "http", "port": 80, "targetPort": 8080}]
REST = {"name": "v1", "route": [{"destination": {"host": "web", "subset": "v1"}, "weight": 100}]}


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(istio, "HEARD", 0)


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
        driver = IstioDriver(one.place)
        await driver.prepare(one.place.lease.owner, one.share)
        await driver.check(None, reporter)
        await driver.join(one.share)
        yield api, cluster, driver, one, reporter


@asynccontextmanager
async def following(driver, reporter, api):
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(driver.follow(reporter))
        await api.watched(3)
        yield
        task.cancel()


def rules(api, name="web-kt-mesh"):
    found = api.objects.get((VIRTUAL_SERVICE, "shop", name))
    return [rule.get("name") for rule in found["spec"]["http"]] if found else None


async def test_without_rules_of_the_user_the_sessions_have_one_together():
    async with joined() as (api, cluster, driver, one, _):
        assert rules(api) == ["kt-mesh-web-kt-mesh-ci-80", "kt-rest"]
        other = await sharer(api, cluster, "bob", "header:version=bob,path:/api")
        second = IstioDriver(other.place)
        await second.prepare(other.place.lease.owner, other.share)
        await second.join(other.share)
        assert rules(api) == [
            "kt-mesh-web-kt-mesh-bob-80",
            "kt-mesh-web-kt-mesh-ci-80",
            "kt-rest",
        ]
        assert driver.broken == ""
        assert not one.noted.leaving
        await driver.leave(one.share)
        assert rules(api) == ["kt-mesh-web-kt-mesh-bob-80", "kt-rest"]
        assert ("v1/Service", "shop", one.share.service) not in api.objects
        await second.leave(other.share)
        await second.dissolve()
        await second.dissolve()
        assert rules(api) is None


async def test_the_one_together_goes_with_the_shared_lease():
    async with joined() as (api, _, _, one, _):
        [owner] = api.objects[VIRTUAL_SERVICE, "shop", "web-kt-mesh"]["metadata"]["ownerReferences"]
        assert owner["uid"] == one.place.shared.uid


async def test_rules_stand_in_front_of_the_users_own_and_leave_them_as_they_were():
    async with joined(theirs(REST)) as (api, _, driver, one, reporter):
        assert rules(api, "web") == ["kt-mesh-web-kt-mesh-ci-80", "v1"]
        assert rules(api) is None
        assert "VirtualService shop/web decides for web" in reporter.notes[0]
        await driver.leave(one.share)
        assert api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"] == theirs(REST)["spec"]


async def test_what_is_put_among_the_users_rules_is_undone_by_anybody():
    async with joined(theirs(REST)) as (api, cluster, _, one, _):
        lease = api.objects[LEASE, "shop", one.place.lease.session.name]
        [outcome] = await restore(cluster, [record_of(lease)], by="bob", settle=0)
        assert outcome.error is None
        assert api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"] == theirs(REST)["spec"]


async def test_two_users_rules_stand_in_their_order_and_go_one_by_one():
    async with joined(theirs(REST)) as (api, cluster, driver, one, _):
        other = await sharer(api, cluster, "bob", "header:version=bob,path:/api")
        second = IstioDriver(other.place)
        await second.prepare(other.place.lease.owner, other.share)
        await second.join(other.share)
        assert rules(api, "web") == [
            "kt-mesh-web-kt-mesh-bob-80",
            "kt-mesh-web-kt-mesh-ci-80",
            "v1",
        ]
        await driver.leave(one.share)
        assert rules(api, "web") == ["kt-mesh-web-kt-mesh-bob-80", "v1"]


async def test_rules_that_the_user_applies_anew_get_ours_again():
    async with joined(theirs(REST)) as (api, _, driver, one, reporter):
        async with following(driver, reporter, api):
            applied = theirs({**REST, "timeout": "3s"})
            api.put(applied)
            await until(lambda: rules(api, "web") == ["kt-mesh-web-kt-mesh-ci-80", "v1"])
        await driver.leave(one.share)
        assert api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"] == applied["spec"]


async def test_rules_that_the_user_makes_or_deletes_meanwhile_are_followed():
    async with joined() as (api, _, driver, _, reporter), following(driver, reporter, api):
        api.put(theirs(REST))
        await until(lambda: rules(api) is None)
        assert rules(api, "web") == ["kt-mesh-web-kt-mesh-ci-80", "v1"]
        api.remove(VIRTUAL_SERVICE, "web", "shop")
        await until(lambda: rules(api) is not None)


async def test_a_share_that_others_put_in_is_followed():
    async with joined() as (api, cluster, driver, _, reporter):
        async with following(driver, reporter, api):
            other = await sharer(api, cluster, "bob")
            found = api.objects["v1/Service", "shop", other.share.service]
            note = found["metadata"]["annotations"]["kt-route"].replace("true", "false")
            metadata = {**found["metadata"], "annotations": {"kt-route": note}}
            api.put({**found, "metadata": metadata})
            await until(lambda: "kt-mesh-web-kt-mesh-bob-80" in rules(api))


async def test_a_rule_of_the_users_for_many_hosts_gets_one_for_this_host_alone():
    async with joined(theirs(REST, hosts=["*"])) as (api, _, driver, one, _):
        [ours, _] = api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"]["http"]
        assert ours["match"][0]["authority"]["regex"].startswith(r"(web(\.shop(")
        api.put(theirs(ours, REST))  # from now on for this host alone
        await driver.join(one.share)
        [ours, _] = api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"]["http"]
        assert "authority" not in ours["match"][0]
        [entry] = record_of(one.place.lease.stored).journal
        assert entry.after == ours
        assert entry.before is None


async def test_a_policy_for_the_service_holds_for_the_session_too():
    policy = theirs(kind="DestinationRule", trafficPolicy={"tls": {"mode": "DISABLE"}})
    async with joined(policy) as (api, _, driver, one, reporter):
        copied = DESTINATION_RULE, "shop", "web-kt-mesh-ci"
        assert api.objects[copied]["spec"]["trafficPolicy"] == {"tls": {"mode": "DISABLE"}}
        async with following(driver, reporter, api):
            api.put({**policy, "spec": {"host": "web", "trafficPolicy": {"tls": {"mode": "X"}}}})
            changed = {"tls": {"mode": "X"}}
            await until(lambda: _policy(api, copied) == changed)
        await driver.leave(one.share)
        assert copied not in api.objects


def _policy(api, key):
    return api.objects[key]["spec"]["trafficPolicy"] if key in api.objects else None


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (theirs(REST, namespace="mesh", hosts=["web.shop"]), "in another namespace"),
        (theirs(tcp=[]), "has no rules for HTTP"),
    ],
)
async def test_where_the_users_rules_leave_no_room_nothing_is_touched(given, what):
    async with in_shop(ports=PORTS) as (api, cluster, _):
        api.put(given)
        one = await sharer(api, cluster)
        driver = IstioDriver(one.place)
        with pytest.raises(UsageError, match=what):
            await driver.prepare(one.place.lease.owner, one.share)
        await driver.leave(one.share)
        assert [key for key in api.objects if key[0] == VIRTUAL_SERVICE] == [
            (VIRTUAL_SERVICE, given["metadata"]["namespace"], "web")
        ]


async def test_rules_that_leave_no_room_any_more_are_told_and_waited_for():
    async with joined(theirs(REST)) as (api, _, driver, one, reporter):
        async with following(driver, reporter, api):
            api.put(theirs(tcp=[]))
            await until(lambda: driver.broken)
            assert "has no rules for HTTP" in reporter.warnings[0][0]
            with pytest.raises(Refused, match="no rules for HTTP"):
                await driver.join(one.share)
            api.put(theirs(REST))
            await until(lambda: not driver.broken)
        assert reporter.notes[-1] == "requests of shop/web that match are led here again"


async def test_who_may_look_at_one_namespace_alone_goes_by_that():
    async with in_shop(ports=PORTS) as (api, cluster, _):
        api.denied.add(("list", "virtualservices", ""))
        api.put(theirs(REST, namespace="mesh", hosts=["web.shop"]))
        one = await sharer(api, cluster)
        driver = IstioDriver(one.place)
        await driver.prepare(one.place.lease.owner, one.share)
        await driver.join(one.share)
        assert rules(api) == ["kt-mesh-web-kt-mesh-ci-80", "kt-rest"]


async def test_gateways_and_namespaces_that_are_not_reached_are_told():
    leads = {"route": [{"destination": {"host": "web"}}]}
    front = theirs(leads, name="front", hosts=["a.example.com"], gateways=["front"])
    own = theirs(REST, exportTo=["."])
    async with joined(front, own) as (_, _, _, _, reporter):
        assert any("gateway front" in note for note in reporter.notes)
        assert any("exportTo" in note for note in reporter.notes)


async def test_what_an_earlier_lease_has_left_is_made_anew():
    async with in_shop(ports=PORTS) as (api, cluster, _):
        old = theirs(REST, name="web-kt-mesh")
        old["metadata"]["ownerReferences"] = [{"kind": "Lease", "uid": "old", "name": "x"}]
        before = api.put(old)["metadata"]["uid"]
        one = await sharer(api, cluster)
        driver = IstioDriver(one.place)
        await driver.prepare(one.place.lease.owner, one.share)
        await driver.join(one.share)
        assert rules(api) == ["kt-mesh-web-kt-mesh-ci-80", "kt-rest"]
        assert api.objects[VIRTUAL_SERVICE, "shop", "web-kt-mesh"]["metadata"]["uid"] != before
        assert await driver.shared_journal() == ()


@pytest.mark.parametrize(("given", "name"), [((), "web-kt-mesh"), ((theirs(REST),), "web")])
async def test_a_rehearsal_writes_the_rules_and_nothing_on_a_lease_that_is_not_there(given, name):
    async with in_shop(ports=PORTS) as (api, cluster, _):
        for each in given:
            api.put(each)
        one = await sharer(api, cluster)
        api.remove("v1/Service", one.share.service, "shop")  # a rehearsal has made none
        before = one.place.lease.stored
        driver = IstioDriver(one.place)
        await driver.prepare(one.place.lease.owner, one.share)
        await driver.rehearse(replace(one.share, leaving=True))
        assert one.place.lease.stored == before
        assert rules(api, name)[0] == "kt-mesh-web-kt-mesh-ci-80"
