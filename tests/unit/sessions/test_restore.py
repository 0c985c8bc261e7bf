import asyncio

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.sessions.world import (
    BEFORE,
    OURS,
    ROUTED,
    entry,
    in_cluster,
    leases,
    put_lease,
    put_router,
    put_service,
    put_user,
    selector,
    selector_key,
)

from ktconnect.apply.change import Entry
from ktconnect.apply.rehearsal import Step
from ktconnect.errors import Conflict, Forbidden, KtError, Unreachable
from ktconnect.objects.session import LEASE, journal_text, record_of
from ktconnect.sessions.restore import check_journal, planned, restore, rights_of

SCALED = Entry("kube", "apps/v1/Deployment/demo/db#/spec/replicas", 3, 0)
DB_READ = "deployments/db"
DB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "db", "namespace": "demo"},
    "spec": {"replicas": 3},
}


async def restored(cluster, *records, **more):
    return await restore(cluster, map(record_of, records), by="bob@desk", settle=0, **more)


async def test_what_a_dead_session_changed_is_put_back_and_its_lease_deleted():
    async with in_cluster() as (api, cluster):
        put_service(api)
        [outcome] = await restored(cluster, put_lease(api, 90))
        assert outcome.undone.written == (selector_key(),)
        assert outcome.error is None
        assert selector(api) == BEFORE
        assert leases(api) == []


async def test_doing_it_again_finds_nothing():
    async with in_cluster() as (api, cluster):
        put_service(api)
        lease = put_lease(api, 90)
        await restored(cluster, lease)
        [outcome] = await restored(cluster, lease)
        assert (outcome.undone.written, outcome.error) == ((), None)
        assert selector(api) == BEFORE


async def test_the_agent_stays_until_the_nodes_follow():
    async with in_cluster() as (api, cluster):
        put_service(api)
        record = record_of(put_lease(api, 90))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(restore(cluster, [record], by="bob", settle=60))
            while selector(api) != BEFORE:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert leases(api) == ["kt-exchange-web"]
            task.cancel()


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"journal": [SCALED], "taken": "eve@desk"}, True),
        ({"journal": [SCALED]}, False),
        ({"journal": [], "taken": "eve@desk"}, False),
        ({}, True),
    ],
)
async def test_what_somebody_else_has_just_put_back_stands_until_the_nodes_follow(
    changes, waits, monkeypatch
):
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 60)
    async with in_cluster() as (api, cluster):
        put_service(api, selector=BEFORE)
        api.put(DB)
        lease = put_lease(api, 90, journal=changes.get("journal"))
        if "taken" in changes:
            lease["metadata"]["annotations"]["kt-taken-by"] = changes["taken"]
            lease = api.put(lease)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(restore(cluster, [record_of(lease)], by="bob"))
            if waits:
                reads = DB_READ if changes else "services/web"
                while not any(each.path.endswith(reads) for each in api.asked):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.2)
                assert leases(api) == ["kt-exchange-web"]
                task.cancel()
            else:
                [outcome] = await task
                assert (outcome.error, leases(api)) == (None, [])


@pytest.mark.parametrize("patient", [False, True])
async def test_a_router_stays_until_calls_through_it_may_have_ended(patient, monkeypatch):
    waits = {"SETTLE_SECONDS": 60 if patient else 0, "CALLS_SECONDS": 0 if patient else 60}
    for name, seconds in waits.items():
        monkeypatch.setattr(f"ktconnect.sessions.restore.{name}", seconds)
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        records = [record_of(put_router(api, 90)), record_of(put_user(api, 90, "ann"))]
        async with asyncio.timeout(10):
            await restore(cluster, records, by="bob", patient=patient)
        assert selector(api) == BEFORE
        assert leases(api) == []


async def test_who_is_patient_waits_no_longer_where_there_is_no_router(monkeypatch):
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 0)
    async with in_cluster() as (api, cluster):
        put_service(api)
        async with asyncio.timeout(10):
            await restore(cluster, [record_of(put_lease(api, 90))], by="bob", patient=True)
        assert leases(api) == []


async def test_what_someone_else_changed_is_told_and_left():
    async with in_cluster() as (api, cluster):
        put_service(api, selector={"app": "newer"})
        [outcome] = await restored(cluster, put_lease(api, 90))
        assert outcome.undone.overtaken == (selector_key(),)
        assert selector(api) == {"app": "newer"}
        assert leases(api) == []


async def test_a_service_that_is_gone_is_no_reason_to_stop():
    async with in_cluster() as (api, cluster):
        [outcome] = await restored(cluster, put_lease(api, 90))
        assert outcome.undone.overtaken == (selector_key(),)
        assert leases(api) == []


async def test_a_holder_who_wakes_up_keeps_the_session():
    async with in_cluster() as (api, cluster):
        put_service(api)
        seen = put_lease(api, 90)
        put_lease(api, 0)
        [outcome] = await restored(cluster, seen)
        assert isinstance(outcome.error, Conflict)
        assert "alive again" in str(outcome.error)
        assert selector(api) == OURS
        [forced] = await restored(cluster, seen, force=True)
        assert forced.error is None
        assert selector(api) == BEFORE


async def test_of_two_who_undo_it_the_slower_one_says_who_was_faster():
    async with in_cluster() as (api, cluster):
        put_service(api)
        seen = put_lease(api, 90)
        taken = put_lease(api, 90)
        taken["metadata"]["annotations"]["kt-taken-by"] = "eve@desk"
        api.put(taken)
        [outcome] = await restored(cluster, seen)
        assert str(outcome.error) == "session kt-exchange-web of ann@laptop is undone by eve@desk"
        api.remove(LEASE, "kt-exchange-web", "demo")
        put_lease(api, 0, holder="bob@desk")  # another session of that name
        [outcome] = await restored(cluster, {**seen, "metadata": {**seen["metadata"], "uid": "u"}})
        assert outcome.error is None
        assert leases(api) == ["kt-exchange-web"]


async def test_the_holder_can_read_who_did_it():
    async with in_cluster() as (api, cluster):
        put_service(api)
        lease = put_lease(api, 90)
        path = "/apis/coordination.k8s.io/v1/namespaces/demo/leases/kt-exchange-web"

        def broken(asked):
            if asked.method == "DELETE":
                return Answer(500, {"message": "broken"})
            return api._patch(asked, LEASE, "demo", "kt-exchange-web")

        api.routes[path] = broken
        [outcome] = await restored(cluster, lease)
        assert isinstance(outcome.error, Unreachable)
        [kept] = [item for (kind, *_), item in api.objects.items() if kind.endswith("Lease")]
        assert record_of(kept).taken_by == "bob@desk"


@pytest.mark.parametrize(
    "right", [("patch", "services"), ("delete", "leases"), ("patch", "leases"), ("get", "services")]
)
async def test_a_missing_right_is_named_before_the_session_is_touched(right):
    async with in_cluster() as (api, cluster):
        put_service(api)
        lease = put_lease(api, 90)
        api.denied = {(*right, "demo")}
        [outcome] = await restored(cluster, lease)
        assert isinstance(outcome.error, Forbidden)
        assert f"you may not {' '.join(right)}" in str(outcome.error)
        assert record_of(api.objects[LEASE, "demo", "kt-exchange-web"]).taken_by == ""
        assert selector(api) == OURS


def test_undoing_takes_the_right_to_what_was_changed_and_no_other():
    scale = Entry("kube", "apps/v1/StatefulSet/demo/db/scale#/spec/replicas", 3, 0)
    rights = rights_of(record_of(with_journal(scale)))
    assert list(map(str, rights)) == [
        "patch leases.coordination.k8s.io in namespace demo",
        "delete leases.coordination.k8s.io in namespace demo",
        "get statefulsets.apps/scale in namespace demo",
        "patch statefulsets.apps/scale in namespace demo",
    ]


async def test_one_that_fails_does_not_keep_the_others_from_being_undone():
    async with in_cluster() as (api, cluster):
        for name in ("web", "shop"):
            put_service(api, name)
        web, shop = (
            put_lease(api, 90, f"kt-exchange-{name}", [entry(name)]) for name in ("web", "shop")
        )
        path = "/api/v1/namespaces/demo/services/web"
        api.routes[path] = lambda _: Answer(500, {"message": "broken"})
        first, second = await restored(cluster, web, shop)
        assert "broken" in str(first.error)
        assert second.error is None
        assert leases(api) == ["kt-exchange-web"]
        assert selector(api, "shop") == BEFORE


@pytest.mark.parametrize(
    "journal",
    ["nonsense", '[{"key": 1}]', "{}1"],
)
async def test_a_journal_that_can_not_be_read_keeps_its_lease(journal):
    async with in_cluster() as (api, cluster):
        lease = put_lease(api, 90)
        lease["metadata"]["annotations"]["kt-journal"] = journal
        [outcome] = await restored(cluster, api.put(lease))
        assert "does not trust" in str(outcome.error)
        assert leases(api) == ["kt-exchange-web"]


def test_a_journal_that_asks_for_more_than_sessions_change_is_not_trusted():
    secret = Entry("kube", "v1/Secret/demo/token#/data", {"a": "b"}, None)
    session = record_of({"metadata": {"namespace": "demo"}})
    check_journal(session)
    with pytest.raises(KtError, match="does not trust"):
        check_journal(record_of(with_journal(secret)))


def with_journal(*entries):
    notes = {"kt-journal": journal_text(entries)}
    return {"metadata": {"name": "kt-exchange-web", "namespace": "demo", "annotations": notes}}


async def test_a_session_without_a_journal_is_deleted_only_as_it_was_seen():
    async with in_cluster() as (api, cluster):
        seen = put_lease(api, 90, "kt-connect-shadow-abcde", [])
        put_lease(api, 0, "kt-connect-shadow-abcde", [])
        [outcome] = await restored(cluster, seen)
        assert isinstance(outcome.error, Conflict)
        assert leases(api) == ["kt-connect-shadow-abcde"]


async def test_a_plan_says_every_write_and_every_object_and_does_nothing():
    async with in_cluster() as (api, cluster):
        put_service(api)
        lease = put_lease(api, 90)
        owner = {"uid": lease["metadata"]["uid"]}
        put_service(api, "web-kt-origin", ownerReferences=[owner])
        api.denied = {("list", "deployments", "demo")}
        before = dict(api.objects)
        plan = await planned(cluster, record_of(lease))
        assert plan.writes == (Step(selector_key(), OURS, BEFORE),)
        assert plan.left == ()
        assert plan.deletes == (
            "coordination.k8s.io/v1/Lease/demo/kt-exchange-web",
            "v1/Service/demo/web-kt-origin",
        )
        assert api.objects == before
