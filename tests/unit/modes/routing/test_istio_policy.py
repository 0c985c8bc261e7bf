from tests.unit.modes.routing.istio_world import (
    DESTINATION_RULE,
    following,
    joined,
    theirs,
)
from tests.unit.tunnel.ends import until


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
