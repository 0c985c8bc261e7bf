import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tests.unit.modes.inbound import (
    AGENT,
    PLAN,
    SERVICE,
    announced,
    in_shop,
    journal,
    selector,
    service,
)
from tests.unit.tunnel.ends import until

from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange.selector import SelectorWay
from ktconnect.modes.serving.way import WayLost
from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.restore import restore

OURS = {"app": AGENT}


@asynccontextmanager
async def redirected(**spec):
    """A Service whose callers are led to the agent, and the watch that keeps them there."""
    async with in_shop(**spec) as (api, cluster, reporter):
        way = await prepared(api, cluster)
        await way.switch()
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(way.follow(reporter))
            await api.watched()
            yield api, cluster, way, reporter
            following.cancel()


async def prepared(api, cluster):
    lease = SessionLease(cluster, PLAN.session, {})
    way = SelectorWay(cluster, PLAN, lease, api.objects[SERVICE, "shop", "web"])
    await lease.create(way.journal)
    await way.prepare(lease.owner)
    return way


def applied(api, **changes):
    """Somebody applies the Service anew."""
    found = api.objects[SERVICE, "shop", "web"]
    api.put({**found, "spec": {**found["spec"], **changes}})


async def test_the_agent_is_labelled_as_its_own_selector_says_whatever_else_it_gets():
    async with in_shop() as (api, cluster, _):
        lease = SessionLease(cluster, PLAN.session, {})
        besides = (("sidecar.istio.io/inject", "true"), ("app", "web"))
        found = api.objects[SERVICE, "shop", "web"]
        way = SelectorWay(cluster, PLAN, lease, found, besides)
        assert dict(way.labels) == {"sidecar.istio.io/inject": "true", "app": AGENT}


async def test_the_selector_alone_is_changed_and_is_as_before_in_the_end():
    async with in_shop(selector={"app": "web", "tier": "front"}) as (api, cluster, _):
        before = json.dumps(api.objects[SERVICE, "shop", "web"]["spec"])
        way = await prepared(api, cluster)
        assert selector(api) == {"app": "web", "tier": "front"}
        await way.switch()
        assert selector(api) == {"app": AGENT, "tier": AGENT}
        assert way.labels == (("app", AGENT), ("tier", AGENT))
        assert way.broken == ""
        await way.give_back()
        await way.give_back()
        assert json.dumps(api.objects[SERVICE, "shop", "web"]["spec"]) == before
        assert way.broken


async def test_the_origin_has_the_pods_of_before_and_goes_with_the_session():
    async with in_shop() as (api, cluster, _):
        way = await prepared(api, cluster)
        origin = api.objects[SERVICE, "shop", "web-kt-origin"]
        assert origin["spec"]["selector"] == {"app": "web"}
        assert origin["metadata"]["ownerReferences"][0]["name"] == "kt-exchange-web"
        await way.remove()
        assert (SERVICE, "shop", "web-kt-origin") not in api.objects


async def test_who_applies_it_anew_gets_back_what_they_wanted_and_we_the_callers():
    async with redirected() as (api, _cluster, way, reporter):
        applied(api, selector={"app": "web", "version": "2"})
        await until(lambda: selector(api) == OURS)
        await until(lambda: reporter.notes)
        assert api.objects[SERVICE, "shop", "web-kt-origin"]["spec"]["selector"]["version"] == "2"
        assert '"version": "2"' in journal(api)
        assert "app=web,version=2" in reporter.notes[0]
        await way.give_back()
        assert selector(api) == {"app": "web", "version": "2"}


async def test_the_new_selector_is_on_the_lease_before_it_is_replaced():
    """Else a death in between would give back what nobody wants any more."""
    async with redirected() as (api, _cluster, _way, _reporter):
        api.denied = {("patch", "leases", "shop")}
        applied(api, selector={"app": "web", "version": "2"})
        await asyncio.sleep(0.1)
        assert selector(api) == {"app": "web", "version": "2"}
        api.denied = set()
        await until(lambda: selector(api) == OURS)
        assert '"version": "2"' in journal(api)
        origin = api.objects[SERVICE, "shop", "web-kt-origin"]
        assert origin["spec"]["selector"] == {"app": "web", "version": "2"}


async def test_a_dead_session_is_undone_by_what_its_lease_says_of_the_last_selector():
    async with redirected() as (api, cluster, way, _reporter):
        applied(api, selector={"app": "two"})
        await until(lambda: selector(api) == OURS and "two" in journal(api))
        record = record_of(api.objects[LEASE, "shop", "kt-exchange-web"])
        [outcome] = await restore(cluster, [record], by="bob@desk", settle=0)
        assert outcome.error is None
        await until(lambda: (LEASE, "shop", "kt-exchange-web") not in api.objects)
        assert way._original == {"app": "two"}


class Underway:
    """A back end whose writes arrive later, also of those who have not waited for them."""

    def __init__(self, backend, tasks):
        self._backend = backend
        self._tasks = tasks
        self.sent = asyncio.Event()

    async def write(self, key, value, *, expected):
        await asyncio.shield(self._tasks.create_task(self._arrive(key, value, expected)))

    async def _arrive(self, key, value, expected):
        self.sent.set()
        await asyncio.sleep(0.05)
        await self._backend.write(key, value, expected=expected)


async def test_a_redirect_that_is_under_way_when_it_is_interrupted_is_undone():
    async with in_shop() as (api, cluster, _):
        way = await prepared(api, cluster)
        async with asyncio.TaskGroup() as tasks:
            way._backend = underway = Underway(way._backend, tasks)
            switching = tasks.create_task(way.switch())
            await underway.sent.wait()
            switching.cancel()
            await way.give_back()
        assert selector(api) == {"app": "web"}
        assert switching.cancelled()


async def test_a_redirect_that_is_put_back_by_hand_is_made_again():
    async with redirected() as (api, _, _way, _reporter):
        applied(api, selector={"app": "web"})
        await until(lambda: selector(api) == OURS)
        assert '"before": {"app": "web"}' in journal(api)


async def test_who_wakes_up_after_the_undo_leaves_the_callers_where_they_are():
    async with redirected() as (api, cluster, _, _):
        found = api.objects[LEASE, "shop", PLAN.session.name]
        outcomes = await restore(cluster, [record_of(found)], by="the agent", settle=0)
        assert outcomes[0].error is None
        applied(api, type="ClusterIP")  # the watch sees the Service once more
        await asyncio.sleep(0.3)
        assert selector(api) == {"app": "web"}


async def test_a_mixture_of_both_counts_as_what_someone_else_has_put_in():
    async with redirected() as (api, _, way, _reporter):
        applied(api, selector={"app": AGENT, "version": "2"})
        await until(lambda: selector(api) == OURS)
        await way.give_back()
        assert selector(api) == {"version": "2"}


async def test_a_deleted_service_is_told_and_taken_up_again_when_it_is_back():
    async with redirected() as (api, _, way, reporter):
        api.remove(SERVICE, "web", "shop")
        await until(lambda: reporter.warnings)
        assert way.broken == "service shop/web was deleted"
        api.put(service(selector={"app": "new"}))
        await until(lambda: reporter.notes)
        assert selector(api) == OURS
        assert way.broken == ""
        assert "there again" in reporter.notes[0]


async def test_a_service_that_is_gone_is_no_obstacle_to_the_end():
    async with redirected() as (api, _, way, _reporter):
        api.remove(SERVICE, "web", "shop")
        await way.give_back()
        await way.remove()


async def test_what_someone_else_has_put_in_meanwhile_is_left_alone():
    async with in_shop() as (api, cluster, _):
        way = await prepared(api, cluster)
        await way.switch()
        applied(api, selector={"app": "theirs"})
        await way.give_back()
        assert selector(api) == {"app": "theirs"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ports": [{"port": 80, "targetPort": 9999}]}, "other ports"),
        ({"selector": {}}, "no selector"),
        ({"selector": {"app": "web-kt-router"}}, "led to app=web-kt-router by somebody else"),
        ({"selector": {"app": "web-kt-exchange-zzzzz", "v": "2"}}, "by somebody else"),
    ],
)
async def test_a_service_that_has_become_another_one_ends_the_session(changes, told):
    async with in_shop() as (api, cluster, reporter):
        way = await prepared(api, cluster)
        await way.switch()
        applied(api, **{"selector": {"app": "web"}, **changes})
        with pytest.raises(WayLost, match=told):
            await way.follow(reporter)
        assert '"before": {"app": "web"}' in journal(api)


async def test_a_service_that_is_gone_before_the_switch_is_told():
    async with in_shop() as (api, cluster, _reporter):
        way = await prepared(api, cluster)
        api.remove(SERVICE, "web", "shop")
        with pytest.raises(WayLost, match="was deleted"):
            await way.switch()


async def test_while_callers_go_past_the_agent_a_new_selector_is_learnt_and_left_in_force():
    async with redirected() as (api, _, way, _reporter):
        await way.give_back()
        applied(api, selector={"app": "two"})
        await until(lambda: "two" in journal(api))
        assert selector(api) == {"app": "two"}
        await way.switch()
        assert selector(api) == OURS


async def test_a_cluster_out_of_reach_does_not_end_the_watch():
    async with redirected() as (api, _, _way, _reporter):
        api.denied = {("list", "services", "shop"), ("watch", "services", "shop")}
        api.drop_connections()
        await asyncio.sleep(0.1)
        api.denied = set()
        await api.watched()
        applied(api, selector={"app": "web"})
        await until(lambda: selector(api) == OURS)


async def test_what_leads_to_a_session_already_is_never_written_down():
    async with in_shop(selector={"app": "web-kt-router"}) as (api, cluster, _):
        with pytest.raises(Conflict, match="leads to app=web-kt-router already") as caught:
            await prepared(api, cluster)
        assert "ktctl recover web" in caught.value.hint
        assert (LEASE, "shop", "kt-exchange-web") not in api.objects


async def test_the_lease_has_the_undo_before_anything_is_changed():
    async with in_shop() as (_api, cluster, _):
        way = SelectorWay(cluster, PLAN, SessionLease(cluster, PLAN.session, {}), service())
        lease = await announced(cluster, way)
        [entry] = record_of(lease.stored).journal or ()
        assert entry.key == "v1/Service/shop/web#/spec/selector"
        assert (entry.before, entry.after) == ({"app": "web"}, OURS)
        assert isinstance(cluster, Cluster)
