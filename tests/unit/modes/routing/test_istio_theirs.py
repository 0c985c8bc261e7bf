from dataclasses import replace

import pytest
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

from ktconnect.errors import UsageError
from ktconnect.modes.routing.istio import IstioDriver
from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions.restore import restore


async def test_rules_stand_in_front_of_the_users_own_and_leave_them_as_they_were():
    async with joined(theirs(REST)) as (api, _, driver, one, reporter):
        assert rules(api, "web") == ["kt-mesh-web-kt-mesh-ci-80", "v1"]
        assert rules(api) is None
        assert "VirtualService shop/web decides for web" in reporter.notes[0]
        await driver.leave(one.share)
        assert api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"] == theirs(REST)["spec"]


async def test_what_is_put_among_the_users_rules_is_undone_by_anybody():
    async with joined(theirs(REST)) as (api, cluster, _, one, _):
        lease = api.objects[LEASE, "shop", one.seat.lease.session.name]
        [outcome] = await restore(cluster, [record_of(lease)], by="bob", settle=0)
        assert outcome.error is None
        assert api.objects[VIRTUAL_SERVICE, "shop", "web"]["spec"] == theirs(REST)["spec"]


async def test_two_users_rules_stand_in_their_order_and_go_one_by_one():
    async with joined(theirs(REST)) as (api, cluster, driver, one, _):
        other = await sharer(api, cluster, "bob", "header:version=bob,path:/api")
        second = IstioDriver(other.seat)
        await second.prepare(other.share)
        await second.join(other.share)
        assert rules(api, "web") == [
            "kt-mesh-web-kt-mesh-bob-80",
            "kt-mesh-web-kt-mesh-ci-80",
            "v1",
        ]
        await driver.leave(one.share)
        assert rules(api, "web") == ["kt-mesh-web-kt-mesh-bob-80", "v1"]


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
        driver = IstioDriver(one.seat)
        with pytest.raises(UsageError, match=what):
            await driver.prepare(one.share)
        await driver.leave(one.share)
        assert [key for key in api.objects if key[0] == VIRTUAL_SERVICE] == [
            (VIRTUAL_SERVICE, given["metadata"]["namespace"], "web")
        ]


async def test_gateways_and_namespaces_that_are_not_reached_are_told():
    leads = {"route": [{"destination": {"host": "web"}}]}
    front = theirs(leads, name="front", hosts=["a.example.com"], gateways=["front"])
    own = theirs(REST, exportTo=["."])
    async with joined(front, own) as (_, _, _, _, reporter):
        assert any("gateway front" in note for note in reporter.notes)
        assert any("exportTo" in note for note in reporter.notes)


@pytest.mark.parametrize(("given", "name"), [((), "web-kt-mesh"), ((theirs(REST),), "web")])
async def test_a_rehearsal_writes_the_rules_and_nothing_on_a_lease_that_is_not_there(given, name):
    async with in_shop(ports=PORTS) as (api, cluster, _):
        for each in given:
            api.put(each)
        one = await sharer(api, cluster)
        api.remove("v1/Service", one.share.service, "shop")  # a rehearsal has made none
        before = one.seat.lease.stored
        driver = IstioDriver(one.seat)
        await driver.prepare(one.share)
        await driver.rehearse(replace(one.share, leaving=True))
        assert one.seat.lease.stored == before
        assert rules(api, name)[0] == "kt-mesh-web-kt-mesh-ci-80"


async def test_a_rule_of_a_port_that_is_gone_goes_too():
    async with joined(theirs(REST)) as (api, _, driver, one, _):
        service = api.objects["v1/Service", "shop", "web"]
        raw = [{"name": "tcp", "port": 81}]
        api.put({**service, "spec": {**service["spec"], "ports": raw}})
        await driver.leave(one.share)
        assert rules(api, "web") == ["v1"]


async def test_what_was_written_down_is_taken_out_before_it_is_forgotten():
    async with joined(theirs(REST)) as (api, _, driver, one, _):
        share = replace(one.share, ports=(80, 81), leaving=False)
        service = api.objects["v1/Service", "shop", "web"]
        moved = [{"name": "http", "port": 81}]
        api.put({**service, "spec": {**service["spec"], "ports": moved}})
        await driver.join(share)
        assert rules(api, "web") == ["kt-mesh-web-kt-mesh-ci-81", "v1"]
        [entry] = record_of(one.seat.lease.stored).journal or ()
        assert entry.key.endswith("[name=kt-mesh-web-kt-mesh-ci-81]")
