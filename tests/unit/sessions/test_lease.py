import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.tunnel.ends import until

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, Unreachable
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import LEASE, Session, record_of
from ktconnect.sessions import lease as session_lease
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.lease import Ended, SessionLease, sessions

NOW = 1_790_000_000.0
MOMENT = datetime.fromtimestamp(NOW, UTC)
NAME = "kt-exchange-web"
ENTRY = Entry("kube", "v1/Service/demo/web#/spec/selector", {"app": "web"}, {"kt-session": "x"})
CONFIG = {"mode": "exchange", "target": "service/web", "ports": ["8080:80"]}


def session(holder="ann@laptop"):
    return Session(NAME, "demo", "shadow-exchange", holder)


@asynccontextmanager
async def in_cluster():
    api = FakeApi()
    api.now = NOW
    async with api.serving(), Cluster(api.config()) as cluster:
        yield api, cluster


def lease_of(cluster, holder="ann@laptop", **more):
    return SessionLease(cluster, session(holder), CONFIG, **more)


def stored(api):
    return record_of(api.objects[LEASE, "demo", NAME])


async def test_a_session_is_announced_with_its_undo():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster, restore_after=5)
        await ours.create([ENTRY])
        record = stored(api)
        assert (record.holder, record.target, record.mode) == (
            "ann@laptop",
            "service/web",
            "exchange",
        )
        assert record.journal == (ENTRY,)
        assert record.duration == timedelta(seconds=5)
        assert abs(record.since - MOMENT) < timedelta(seconds=2)
        assert record.since == record.renewed
        assert ours.owner["uid"] == record.uid
        assert [each.name for each in await sessions(cluster, "demo")] == [NAME]


async def test_who_comes_second_is_told_by_whom_since_when_and_whether_alive():
    async with in_cluster() as (api, cluster):
        await lease_of(cluster).create()
        api.now = NOW + 30
        async with Cluster(api.config()) as other:
            with pytest.raises(Taken, match=r"service/web .* exchange by ann@laptop") as living:
                await lease_of(other, "bob@desk").create()
        assert living.value.alive
        assert "takeover" in living.value.hint
        api.now = NOW + 620
        async with Cluster(api.config()) as other:
            with pytest.raises(Taken, match=r"for 10 min; that laptop is dead") as dead:
                await lease_of(other, "bob@desk").create()
        assert not dead.value.alive
        assert stored(api).holder == "ann@laptop"


async def test_the_journal_can_be_replaced_and_the_time_renewed():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create([ENTRY])
        newer = Entry(ENTRY.system, ENTRY.key, {"app": "v2"}, ENTRY.after)
        await ours.write_journal([newer])
        assert stored(api).journal == (newer,)
        await ours.renew()
        assert stored(api).renewed >= MOMENT


async def test_a_lease_that_another_session_made_is_left_alone():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create([ENTRY])
        api.remove(LEASE, NAME, "demo")
        await lease_of(cluster, "bob@desk").create()
        with pytest.raises(Conflict):
            await ours.renew()
        with pytest.raises(Conflict):
            await ours.write_journal([])
        assert await ours.delete() is False
        assert stored(api).holder == "bob@desk"


async def test_deleting_is_done_once():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create()
        assert await ours.delete() is True
        assert await ours.delete() is False
        assert api.objects == {}


async def test_one_that_was_made_though_nobody_said_so_is_deleted_too():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        assert await ours.delete() is False
        path = "/apis/coordination.k8s.io/v1/namespaces/demo/leases"

        def lost(asked):
            del api.routes[path]
            api._answer(asked)
            return Answer(cut=True)

        api.routes[path] = lost
        with pytest.raises(Unreachable):
            await ours.create()
        assert stored(api).holder == "ann@laptop"
        assert await ours.delete() is True
        await lease_of(cluster, "bob@desk").create()
        assert await lease_of(cluster).delete() is False
        assert stored(api).holder == "bob@desk"


async def test_it_is_kept_alive_also_while_the_cluster_says_no():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create()
        api.denied = {("patch", "leases", "demo")}
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(ours.keep_alive(every=0.01))
            await until(lambda: sum(asked.method == "PATCH" for asked in api.asked) > 2)
            task.cancel()
        assert stored(api).holder == "ann@laptop"


async def ending(api, cluster, happens):
    ours = lease_of(cluster)
    await ours.create()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(ours.ended())
        await api.watched()
        happens(api, ours)
    return waiting.result()


@pytest.mark.parametrize(("status", "why"), [(429, "busy"), (401, "login"), (403, "rights")])
async def test_a_server_that_does_not_let_us_look_is_no_end_of_the_session(
    monkeypatch, status, why
):
    monkeypatch.setattr(session_lease, "WATCH_AGAIN", 0.01)
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create()
        api.next_answers = [Answer(status, {"message": why}, {"Retry-After": "0"})] * 9
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(ours.ended())
            await api.watched()
            take(api, ours)
    assert waiting.result() == Ended("bob@desk")


async def test_a_deleted_lease_ends_the_session():
    async with in_cluster() as (api, cluster):
        ended = await ending(api, cluster, lambda api, _: api.remove(LEASE, NAME, "demo"))
    assert ended == Ended("")
    assert "deleted" in str(ended)


def take(api, ours):
    lease = ours.stored
    lease["metadata"]["annotations"]["kt-taken-by"] = "bob@desk"
    api.put(lease)


async def test_a_takeover_is_told_by_name():
    async with in_cluster() as (api, cluster):
        ended = await ending(api, cluster, take)
    assert str(ended) == "undone by bob@desk"


def replace(api, ours):
    api.remove(LEASE, NAME, "demo")
    api.put({**ours.stored, "spec": {"holderIdentity": "bob@desk"}})


async def test_another_lease_in_its_place_ends_the_session():
    async with in_cluster() as (api, cluster):
        ended = await ending(api, cluster, replace)
    assert ended.by in ("", "bob@desk")


@pytest.mark.parametrize(
    ("happens", "told"), [(take, "undone by bob@desk"), (replace, "undone by bob@desk")]
)
async def test_who_wakes_up_can_ask_whether_it_is_still_held(happens, told):
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create()
        await ours.check()
        happens(api, ours)
        with pytest.raises(Conflict, match=told):
            await ours.check()
        api.remove(LEASE, NAME, "demo")
        with pytest.raises(Conflict, match="deleted"):
            await ours.check()


async def test_who_looks_only_when_it_is_gone_is_told_too():
    async with in_cluster() as (api, cluster):
        ours = lease_of(cluster)
        await ours.create()
        api.remove(LEASE, NAME, "demo")
        assert await ours.ended() == Ended("")
        await lease_of(cluster, "bob@desk").create()
        assert await ours.ended() == Ended("bob@desk")
