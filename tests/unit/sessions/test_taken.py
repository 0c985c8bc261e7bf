import asyncio
from datetime import timedelta

import pytest
from tests.unit.sessions.world import (
    BEFORE,
    OURS,
    in_cluster,
    leases,
    put_lease,
    put_service,
    selector,
)

from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions import taken
from ktconnect.sessions.dead import dead_sessions
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.restore import Outcome
from ktconnect.sessions.taken import Taker, make_way, told

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


async def test_the_dead_are_those_silent_for_longer_than_they_may():
    async with in_cluster() as (api, cluster):
        put_lease(api, 30, "alive")
        put_lease(api, 90, "dead")
        put_lease(api, 2, "killed")
        uid = api.objects[LEASE, "demo", "killed"]["metadata"]["uid"]
        found = await dead_sessions(cluster, "demo", gone={uid})
        assert [record.name for record in found] == ["dead", "killed"]
        assert await dead_sessions(cluster, "", silence=timedelta(minutes=5)) == []


def test_what_became_of_a_session_is_told():
    record = record_of({"metadata": {"name": NAME}, "spec": {"holderIdentity": "ann@laptop"}})
    assert told(Outcome(record, error=Conflict("alive"))) == ["left alone: alive"]
    assert told(Outcome(record, error=Forbidden("no right"))) == [
        f"left: session {NAME} of ann@laptop; no right"
    ]
