from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.kube.rehearsal import RehearsalCluster
from ktconnect.modes.dryrun import cluster_for, make_way_or_tell, shown, tell
from ktconnect.objects.session import LEASE, Session, lease
from ktconnect.sessions import restore
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.taken import Taker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SELECTOR = "v1/Service/demo/web#/spec/selector"
ENTRY = Entry("kube", SELECTOR, {"app": "web"}, {"app": "web-kt-exchange-abcde"})


@asynccontextmanager
async def rehearsing():
    async with FakeApi().serving() as api, RehearsalCluster(api.config()) as cluster:
        api.now = NOW.timestamp()
        yield api, cluster


def config_map(**data):
    metadata = {"name": "agent", "namespace": "demo"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **data}


def put_session(api, age):
    session = Session("kt-exchange-web", "demo", "shadow-exchange", "ann@laptop")
    api.put(lease(session, NOW - timedelta(seconds=age), {"mode": "exchange"}, [ENTRY]))
    spec = {"selector": ENTRY.after}
    metadata = {"name": "web", "namespace": "demo"}
    api.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


async def test_a_dry_run_has_a_cluster_to_which_nothing_is_written():
    async with rehearsing() as (api, _):
        async with cluster_for(api.config(), dry_run=True) as cluster:
            assert isinstance(cluster, RehearsalCluster)
        async with cluster_for(api.config(), dry_run=False) as cluster:
            assert type(cluster) is Cluster


async def test_that_time_passes_is_no_change_and_of_several_writes_the_last_counts():
    reporter = Remembering()
    async with rehearsing() as (api, cluster):
        put_session(api, age=0)
        api.put(config_map(data={"a": "b"}))
        later = {"spec": {"renewTime": "2026-01-01T00:00:09.000000Z"}}
        await cluster.patch(LEASE, "kt-exchange-web", later, "demo")
        for text in ("c", "d"):
            await cluster.patch("v1/ConfigMap", "agent", {"data": {"a": text}}, "demo")
        tell(cluster, [], reporter)
    assert reporter.changed == [("v1/ConfigMap/demo/agent#/data/a", "b", "d")]


async def test_all_that_would_be_done_is_told_once():
    reporter = Remembering()
    async with rehearsing() as (api, cluster):
        api.put(config_map(data={"a": "b"}) | {"metadata": {"name": "c", "namespace": "demo"}})
        await cluster.create(config_map())
        await cluster.patch("v1/ConfigMap", "c", {"data": {"a": "z"}}, "demo")
        await cluster.delete("v1/ConfigMap", "c", "demo")
        tell(cluster, [ENTRY], reporter)
        assert reporter.created == [config_map()]
        assert reporter.changed == [
            ("v1/ConfigMap/demo/c#/data/a", "b", "z"),
            (SELECTOR, ENTRY.before, ENTRY.after),
            ("v1/ConfigMap/demo/c", "there", None),
        ]
        tell(cluster, [], reporter)
        assert len(reporter.created) == 1


def test_programs_are_shown_by_their_size():
    assert shown(config_map(binaryData={"a.pyz": "x" * 2000})) == config_map(
        binaryData={"a.pyz": "(2,000 bytes in base64)"}
    )
    assert shown(config_map(data={"a": "b"})) == config_map(data={"a": "b"})


async def make_way(cluster, *, dry_run, takeover=False):
    said: list[str] = []
    taker = Taker("bob@desk", said.append, takeover=takeover)
    await make_way_or_tell(cluster, "demo", "kt-exchange-web", taker, dry_run=dry_run)
    return said


async def test_what_nobody_holds_is_free():
    async with rehearsing() as (_, cluster):
        assert await make_way(cluster, dry_run=True) == []
        assert await make_way(cluster, dry_run=False) == []


async def test_who_is_alive_keeps_it():
    async with rehearsing() as (api, cluster):
        put_session(api, 5)
        with pytest.raises(Taken, match="ann@laptop"):
            await make_way(cluster, dry_run=True)


@pytest.mark.parametrize(("age", "takeover"), [(90, False), (5, True)])
async def test_what_would_be_undone_first_is_told_and_not_done(age, takeover):
    said: list[str] = []
    async with rehearsing() as (api, cluster):
        put_session(api, age)
        taker = Taker("bob@desk", said.append, takeover=takeover)
        with pytest.raises(Conflict, match="would be undone first, and is in the way") as caught:
            await make_way_or_tell(cluster, "demo", "kt-exchange-web", taker, dry_run=True)
        assert (LEASE, "demo", "kt-exchange-web") in api.objects
    assert ("ktctl clean" in caught.value.hint) is not takeover, "that undoes nobody who lives"
    assert ("--takeover without --dryRun" in caught.value.hint) is takeover
    assert said[0].startswith(f"first, {SELECTOR}:")
    assert said[-1].startswith(f"first, {LEASE}/demo/kt-exchange-web: deleted")


async def test_otherwise_the_dead_are_undone(monkeypatch):
    monkeypatch.setattr(restore, "SETTLE_SECONDS", 0.0)
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        api.now = NOW.timestamp()
        put_session(api, 90)
        await make_way(cluster, dry_run=False)
        assert (LEASE, "demo", "kt-exchange-web") not in api.objects
