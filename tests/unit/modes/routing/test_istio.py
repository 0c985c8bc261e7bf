import pytest
from tests.unit.modes.inbound import slice_of
from tests.unit.modes.routing.istio_world import (
    REST,
    VIRTUAL_SERVICE,
    following,
    joined,
    rules,
    theirs,
)
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.errors import Refused
from ktconnect.modes.routing.istio import IstioDriver


async def test_without_rules_of_the_user_the_sessions_have_one_together():
    async with joined() as (api, cluster, driver, one, _):
        assert rules(api) == ["kt-mesh-web-kt-mesh-ci-80", "kt-rest"]
        other = await sharer(api, cluster, "bob", "header:version=bob,path:/api")
        second = IstioDriver(other.seat)
        await second.prepare(other.share)
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


@pytest.mark.parametrize(("given", "name"), [((), "web-kt-mesh"), ((theirs(REST),), "web")])
async def test_no_rule_leads_to_an_agent_that_is_not_there(given, name):
    ours = "kt-mesh-web-kt-mesh-ci-80"
    async with joined(*given) as (api, _, driver, _, reporter), following(driver, reporter, api):
        api.put(slice_of("web-kt-mesh-ci", "10.244.1.9", ready=False))
        await until(lambda: ours not in rules(api, name))
        await until(lambda: driver.broken == "the agent is not there")
        api.put(slice_of("web-kt-mesh-ci", "10.244.1.10"))
        await until(lambda: ours in rules(api, name))
        await until(lambda: not driver.broken)
