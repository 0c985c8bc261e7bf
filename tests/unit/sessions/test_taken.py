import asyncio
import json

import pytest
from tests.unit.sessions.world import (
    BEFORE,
    OURS,
    ROUTED,
    in_cluster,
    leases,
    put_lease,
    put_router,
    put_service,
    put_user,
    selector,
)

from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions import taken
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.lease import sessions
from ktconnect.sessions.restore import Outcome
from ktconnect.sessions.taken import (
    PATIENCE,
    Interrupted,
    Taker,
    end_all,
    make_way,
    patience_with,
    told,
)

NAME = "kt-exchange-web"


@pytest.fixture(autouse=True)
def nodes_follow_at_once(monkeypatch):
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 0)
    monkeypatch.setattr(taken, "LOOK", 0.01)


async def make(cluster, said, **more):
    patience = more.pop("patience", 5)
    taker = Taker("bob@desk", said.append, **more)
    await make_way(cluster, "demo", NAME, taker, patience=patience)


async def test_where_nobody_is_there_is_nothing_to_do():
    async with in_cluster() as (_, cluster):
        said: list[str] = []
        await make(cluster, said)
        assert said == []


async def test_a_dead_session_is_undone_at_once():
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 90)
        said: list[str] = []
        await make(cluster, said)
        assert selector(api) == BEFORE
        assert leases(api) == []
        assert said[-1] == f"deleted session {NAME} of ann@laptop"


async def test_one_whose_process_is_gone_from_this_machine_is_dead_at_once():
    async with in_cluster() as (api, cluster):
        put_service(api)
        uid = put_lease(api, 1)["metadata"]["uid"]
        await make(cluster, [], gone={uid})
        assert selector(api) == BEFORE


async def test_a_living_one_keeps_its_target():
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 1)
        with pytest.raises(Taken, match="ann@laptop"):
            await make(cluster, [])
        assert selector(api) == OURS


async def test_a_living_one_that_is_taken_over_ends_itself():
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 1)
        said: list[str] = []
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(make(cluster, said, takeover=True))
            while not record_of(api.objects[LEASE, "demo", NAME]).taken_by:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert not taking.done()
            api.remove(LEASE, NAME, "demo")
        assert selector(api) == OURS  # the holder's to undo, and this one has not
        assert "they are told" in said[0]


async def test_one_that_does_not_react_is_undone_by_force():
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 1)
        said: list[str] = []
        await make(cluster, said, takeover=True, patience=0.05)
        assert selector(api) == BEFORE
        assert leases(api) == []
        assert any("by force" in line for line in said)


async def test_what_can_not_be_undone_is_not_taken():
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 90)
        api.denied = {("patch", "services", "demo")}
        with pytest.raises(KtError, match="patch services"):
            await make(cluster, [])
        assert leases(api) == [NAME]


async def test_who_waits_is_told_so_and_for_how_long_at_most(monkeypatch):
    monkeypatch.setattr(taken, "SAY_AGAIN", 0.02)
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 1)
        said: list[str] = []
        await make(cluster, said, takeover=True, patience=0.3)
        assert f"waiting for session {NAME} to end, 0 s more at most" in said


async def test_who_is_told_to_stop_while_waiting_has_not_succeeded():
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 1)
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(interrupted(cluster))
            while not record_of(api.objects[LEASE, "demo", NAME]).taken_by:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            taking.cancel()
        assert selector(api) == OURS


async def interrupted(cluster):
    with pytest.raises(Interrupted, match="waiting for ann@laptop") as caught:
        await make(cluster, [], takeover=True)
    assert caught.value.exit_code == 130


def test_a_session_gets_the_time_that_it_needs_to_undo_itself():
    def patience(**config):
        notes = {"kt-config": json.dumps(config)}
        return patience_with(record_of({"metadata": {"annotations": notes}}))

    assert patience() == PATIENCE
    assert patience(endsWithin=120) == PATIENCE + 120
    for odd in ("120", -5, 1e9, None):
        assert patience(endsWithin=odd) == PATIENCE


async def all_ended(cluster, said, **more):
    records = [each for each in await sessions(cluster, "demo") if concerned(each)]
    taker = Taker("bob@desk", said.append, **more)
    await end_all(cluster, records, taker, patience=0.1)


def concerned(record):
    return record.target == "service/web"


async def test_all_who_share_a_service_are_ended_together_and_then_what_they_shared():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        put_router(api, 1)
        for who, age in (("ann", 1), ("bob", 90), ("eve", 1)):
            put_user(api, age, who)
        said: list[str] = []
        with pytest.raises(Taken, match=r"ann@laptop via version 'ann'.*eve@laptop"):
            await all_ended(cluster, said)
        assert said == []
        await all_ended(cluster, said, takeover=True)
        assert selector(api) == BEFORE
        assert leases(api) == []
        assert said[0].startswith("taking over: mesh by ann@laptop via version 'ann'")
        assert said[-2:] == [
            "restored v1/Service/demo/web#/spec/selector",
            "deleted what is shared of service/web",
        ]
        assert not any("kt-route" in line for line in said)  # a share goes with its session


async def test_one_that_ends_at_this_very_moment_is_not_waited_for():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=BEFORE)
        put_lease(api, 1)
        path = f"/apis/coordination.k8s.io/v1/namespaces/demo/leases/{NAME}"

        def gone(asked):
            if asked.method == "PATCH":
                api.remove(LEASE, NAME, "demo")
                del api.routes[path]
            return api._answer(asked) if asked.method == "PATCH" else again(asked)

        def again(asked):
            del api.routes[path]
            answer = api._answer(asked)
            api.routes[path] = gone
            return answer

        api.routes[path] = gone
        said: list[str] = []
        await make(cluster, said, takeover=True)
        assert said[1:] == [
            "session kt-exchange-web of ann@laptop has ended by itself, which puts back "
            "v1/Service/demo/web#/spec/selector"
        ]


async def test_what_others_share_as_well_is_left_to_them():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        put_router(api, 1)
        put_user(api, 1, "ann")
        dead = record_of(put_user(api, 90, "bob"))
        await end_all(cluster, [dead], Taker("bob@desk", lambda _: None))
        assert selector(api) == ROUTED
        assert leases(api) == ["kt-router-web", "kt-mesh-web-ann"]


def test_what_became_of_a_session_is_told():
    record = record_of({"metadata": {"name": NAME}, "spec": {"holderIdentity": "ann@laptop"}})
    assert told(Outcome(record, error=Conflict("alive"))) == ["left alone: alive"]
    assert told(Outcome(record, error=Forbidden("no right"))) == [
        f"left: session {NAME} of ann@laptop; no right"
    ]
