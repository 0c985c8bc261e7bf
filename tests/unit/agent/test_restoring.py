import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.unit.kube.fakeanswers import Answer, denied
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.sessions.world import (
    BEFORE,
    LEAVING,
    NOTE,
    NOW,
    OURS,
    ROUTED,
    SERVICE,
    leases,
    note_of,
    put_lease,
    put_router,
    put_service,
    put_user,
    selector,
)

from ktconnect.agent.podapi import PodApi
from ktconnect.agent.restoring import CALLS, SETTLE, Verdict, restore, without_loop
from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.objects.session import LEASE, record_of
from ktconnect.wire.spec import Guard

ORDERS = Guard("demo", "kt-exchange-web", 60)


@asynccontextmanager
async def in_pod(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    api = FakeApi()
    api.now = NOW
    api.token = "secret"
    async with api.serving():
        yield api, Undoing(PodApi(("127.0.0.1", api.port), tmp_path))


class Undoing:
    def __init__(self, api):
        self.api = api
        self.log: list[str] = []
        self.slept: list[float] = []

    async def run(self, orders=ORDERS):
        return await asyncio.to_thread(
            restore, self.api, orders, self.log.append, self.slept.append
        )


async def test_a_silent_laptops_session_is_undone_and_then_deleted(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api)
        put_lease(api, 61)
        assert await undoing.run() is Verdict.UNDONE
        assert selector(api) == BEFORE
        assert leases(api) == []
        assert undoing.slept == [SETTLE]
        assert undoing.log[0] == "restored v1/Service/demo/web#/spec/selector"
        methods = [asked.method for asked in api.asked]
        assert methods == ["GET", "PATCH", "GET", "GET", "PATCH", "DELETE"]


async def test_who_undid_it_stands_on_the_lease(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api)
        put_lease(api, 61)
        api.denied = {("delete", "leases", "demo")}
        with pytest.raises(Forbidden):
            await undoing.run()
        record = record_of(api.objects[LEASE, "demo", "kt-exchange-web"])
        assert record.taken_by == "its agent, after 60 s without its laptop"
        api.denied = set()
        assert await undoing.run() is Verdict.UNDONE
        assert undoing.slept == [SETTLE, SETTLE]


async def test_a_laptop_that_speaks_to_the_api_server_is_alive(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api)
        put_lease(api, 30)
        assert await undoing.run() is Verdict.ALIVE
        assert selector(api) == OURS
        assert await undoing.run(Guard("demo", "kt-exchange-web", 20)) is Verdict.UNDONE


async def test_where_somebody_was_faster_there_is_nothing_to_do(tmp_path):
    async with in_pod(tmp_path) as (_, undoing):
        assert await undoing.run() is Verdict.GONE


async def test_without_the_right_nothing_is_touched(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api)
        put_lease(api, 61)
        api.denied = {("patch", "leases", "demo")}
        with pytest.raises(Forbidden, match="patch leases"):
            await undoing.run()
        assert selector(api) == OURS


async def test_what_someone_else_changed_is_left(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api, selector={"app": "newer"})
        put_lease(api, 61)
        assert await undoing.run() is Verdict.UNDONE
        assert selector(api) == {"app": "newer"}
        assert undoing.slept == [SETTLE]  # it may have been changed just now
        assert undoing.log[0].startswith("left as it is")


async def test_a_journal_that_is_not_a_sessions_is_not_undone(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_lease(api, 61, journal=[Entry("kube", "v1/Secret/demo/x#/data", None, {})])
        with pytest.raises(KtError, match="does not trust"):
            await undoing.run()
        assert leases(api) == ["kt-exchange-web"]


async def test_a_laptop_that_wakes_up_at_this_moment_keeps_its_session(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api)
        put_lease(api, 61)
        path = f"/apis/coordination.k8s.io/v1/namespaces/demo/leases/{ORDERS.lease}"

        def renewed_at_once(asked):
            del api.routes[path]
            answer = api._answer(asked)
            put_lease(api, 0)
            return answer

        api.routes[path] = renewed_at_once
        with pytest.raises(Conflict):
            await undoing.run()
        assert selector(api) == OURS


MESH = Guard("demo", "kt-mesh-web-ann", 60, "kt-router-web")


async def test_of_many_who_share_a_router_and_are_all_dead_each_agent_may_undo_it(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api, selector=ROUTED)
        put_router(api, 61)
        put_user(api, 70, "ann")
        put_user(api, 65, "bob")
        assert await undoing.run(MESH) is Verdict.UNDONE
        assert selector(api) == BEFORE
        assert leases(api) == ["kt-mesh-web-bob"]
        assert note_of(api, "ann") == LEAVING
        order = [line.split()[1] for line in undoing.log]
        assert order == [
            "v1/Service/demo/web#/spec/selector",
            "kt-router-web",
            "v1/Service/demo/web-kt-mesh-ann#/metadata/annotations/kt-route",
            "kt-mesh-web-ann",
        ]
        assert undoing.slept == [CALLS, SETTLE], "calls go on through the router"
        assert await undoing.run(replace(MESH, lease="kt-mesh-web-bob")) is Verdict.UNDONE
        assert leases(api) == []


async def test_what_another_agent_has_just_led_back_stands_until_nodes_follow(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api, selector=BEFORE)
        router = put_router(api, 61)
        router["metadata"]["annotations"]["kt-taken-by"] = "its agent"
        api.put(router)
        put_user(api, 65, "bob")
        stood: list[bool] = []
        undoing.slept = Seen(lambda: stood.append("kt-router-web" in leases(api)))
        assert await undoing.run(replace(MESH, lease="kt-mesh-web-bob")) is Verdict.UNDONE
        assert stood[0]
        assert undoing.slept == [CALLS, SETTLE]
        assert leases(api) == []


async def test_a_share_that_another_agent_has_just_taken_out_stands_until_then_too(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        own = put_user(api, 65, "ann")
        own["metadata"]["annotations"]["kt-taken-by"] = "bob@desk"
        api.put(own)
        share = api.objects[SERVICE, "demo", "web-kt-mesh-ann"]
        share["metadata"]["annotations"]["kt-route"] = LEAVING
        api.put(share)
        assert await undoing.run(MESH) is Verdict.UNDONE
        assert undoing.slept == [SETTLE]


class Seen(list[float]):
    """What is slept, with a look at what there is meanwhile."""

    def __init__(self, look):
        super().__init__()
        self.look = look

    def append(self, seconds):
        super().append(seconds)
        self.look()


async def test_while_others_live_only_the_own_share_is_taken_out_and_first_of_all(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api, selector=ROUTED)
        put_router(api, 2)
        put_user(api, 65, "ann")
        assert await undoing.run(MESH) is Verdict.UNDONE
        assert selector(api) == ROUTED
        assert leases(api) == ["kt-router-web"]
        assert note_of(api, "ann") == LEAVING
        assert undoing.slept == [SETTLE]
        methods = [asked.method for asked in api.asked if asked.method != "GET"]
        assert methods == ["PATCH", "PATCH", "DELETE"]


async def test_an_agent_stays_until_it_is_known_whether_others_live(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api, selector=ROUTED)
        put_router(api, 55)  # it may have been our own laptop, just before it died
        put_user(api, 65, "ann")
        assert await undoing.run(MESH) is Verdict.WAITING
        assert note_of(api, "ann") == NOTE
        api.now += 10
        assert await undoing.run(MESH) is Verdict.UNDONE
        assert selector(api) == BEFORE
        assert leases(api) == []


async def test_a_lease_that_tells_no_time_tells_of_nobody_who_lives(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_router(api, 5)
        own = put_user(api, 65, "ann")
        del own["spec"]["renewTime"], own["spec"]["acquireTime"]
        api.put(own)
        assert await undoing.run(MESH) is Verdict.WAITING


async def test_an_agent_stays_while_what_leads_to_it_can_not_be_undone(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_service(api, selector=ROUTED)
        put_router(api, 61)
        put_user(api, 65, "ann")
        api.denied = {("patch", "services", "demo")}
        with pytest.raises(KtError, match="patch services"):
            await undoing.run(MESH)
        assert sorted(leases(api)) == ["kt-mesh-web-ann", "kt-router-web"]


async def test_where_what_was_shared_is_gone_only_the_own_is_left_to_undo(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_user(api, 61, "ann")
        assert await undoing.run(MESH) is Verdict.UNDONE
        assert leases(api) == []


def test_a_coroutine_that_waits_for_a_loop_is_a_mistake_of_ours():
    with pytest.raises(AssertionError, match="waited for a loop"):
        without_loop(asyncio.sleep(0))


ROLLOUT = "/apis/argoproj.io/v1alpha1/namespaces/demo/rollouts/web/scale"


def put_rollout(api, size):
    """The scale of an object of a kind that ktctl's table lacks; what was written to it."""
    scale = {"metadata": {"name": "web", "resourceVersion": "1"}, "spec": {"replicas": size}}
    written: list[int] = []

    def answer(asked):
        if asked.method == "PATCH":
            written.extend(step["value"] for step in asked.json if step["op"] != "test")
            scale["spec"]["replicas"] = written[-1]
        return Answer(body=scale)

    api.routes[ROLLOUT] = answer
    return written


def scaled(before):
    key = "argoproj.io/v1alpha1/rollouts/demo/web/scale#/spec/replicas"
    return [Entry("kube", key, before, 0)]


async def test_whatever_can_be_scaled_is_scaled_back(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        written = put_rollout(api, 0)
        put_lease(api, 61, journal=scaled(3))
        assert await undoing.run() is Verdict.UNDONE
        assert written == [3]
        assert leases(api) == []


async def test_what_somebody_has_scaled_meanwhile_is_left_so(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        written = put_rollout(api, 1)
        put_lease(api, 61, journal=scaled(3))
        assert await undoing.run() is Verdict.UNDONE
        assert written == []


async def test_a_scale_that_its_account_may_not_change_stays_in_the_journal(tmp_path):
    async with in_pod(tmp_path) as (api, undoing):
        put_lease(api, 61, journal=scaled(3))
        api.routes[ROLLOUT] = lambda _: denied("get", "rollouts/scale", "demo")
        with pytest.raises(KtError, match="rollouts/scale"):
            await undoing.run()
        assert leases(api) == ["kt-exchange-web"]
