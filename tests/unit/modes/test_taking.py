import asyncio
import sys

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering
from tests.unit.sessions.world import (
    BEFORE,
    MOMENT,
    ROUTED,
    in_cluster,
    leases,
    put_lease,
    put_router,
    put_service,
    put_user,
    selector,
)

from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.modes.cluster import holder
from ktconnect.modes.taking import check_alone, clear_way, take_mark, taker_of
from ktconnect.objects.session import Manifest, Session, lease
from ktconnect.sessions.holders import MarkTaken, Taken
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.taken import Taker


async def test_who_takes_knows_what_was_killed_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    async with Cluster(FakeApi().config()) as cluster:
        dying = f"bind(remember({cluster.config.server!r}, 'demo', 'kt-exchange-web'), 'u-1')"
        code = f"from ktconnect.modes.local import bind, remember; {dying}"
        dead = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        assert await dead.wait() == 0
        reporter = Remembering()
        taker = taker_of(cluster, reporter, takeover=True)
    taker.say("hello")
    assert (taker.by, taker.takeover, taker.gone) == (holder(), True, {"u-1"})
    assert reporter.notes == ["hello"]


WEB = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "demo"},
    "spec": {"selector": {"app": "web"}},
}


def taker(**more):
    return Taker("eve@desk", lambda _: None, **more)


async def test_whoever_has_all_callers_or_the_pods_themselves_keeps_others_from_sharing_them():
    async with in_cluster() as (api, cluster):
        agent = {"metadata": {"labels": {"kt-session": "web-kt-exchange-abcde"}}}
        plain: Manifest = {"metadata": {}}
        assert await clear_way(cluster, "mesh", WEB, [plain], taker()) is False
        scaled = {"target": "deployment/web", "agent": "web-kt-exchange-abcde"}
        put_lease(api, 1, "kt-exchange-deployment.web", [], **scaled)
        assert await clear_way(cluster, "mesh", WEB, [plain], taker()) is False
        with pytest.raises(Taken, match="deployment/web is taken: exchange by ann@laptop"):
            await clear_way(cluster, "mesh", WEB, [plain, agent], taker())
        put_lease(api, 1, "kt-exchange-web", [])
        for mode in ("mesh", "mirror"):
            with pytest.raises(Taken, match="service/web is taken: exchange by ann@laptop"):
                await clear_way(cluster, mode, WEB, [], taker(), dry_run=True)


async def test_the_dead_are_cleared_away_and_the_service_is_to_be_looked_at_again(monkeypatch):
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 0)
    async with in_cluster() as (api, cluster):
        put_service(api)
        put_lease(api, 90)
        assert await clear_way(cluster, "mesh", WEB, [], taker()) is True
        assert (selector(api), leases(api)) == (BEFORE, [])


async def test_a_dry_run_tells_who_would_be_ended_first_and_ends_nobody():
    said: list[str] = []
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        put_router(api, 1)
        put_user(api, 90, "ann")
        eve = Taker("eve@desk", said.append)
        with pytest.raises(
            Conflict, match="session kt-mesh-web-ann of ann@laptop and what is shared of"
        ):
            await clear_way(cluster, "exchange", WEB, [], eve, dry_run=True)
        assert selector(api) == ROUTED
        assert any(line.startswith("first, v1/Service/demo/web#/spec/selector") for line in said)


async def test_a_mark_that_somebody_has_is_told_in_kt_connects_words():
    async with in_cluster() as (api, cluster):
        put_user(api, 1, "ann")
        for dry_run in (False, True):
            with pytest.raises(MarkTaken, match="via version 'ann', please specify a different"):
                await take_mark(cluster, "demo", "kt-mesh-web-ann", taker(), dry_run=dry_run)
        await take_mark(cluster, "demo", "kt-mesh-web-bob", taker())
        assert leases(api) == ["kt-mesh-web-ann"]


async def test_a_mark_of_another_header_is_refused_with_the_reason():
    async with in_cluster() as (api, cluster):
        theirs = Session("kt-mesh-web.x", "demo", "shadow-mesh", "ann@laptop")
        said = {"mode": "mesh", "target": "service/web", "mark": "x", "header": "version"}
        api.put(lease(theirs, MOMENT, said))
        with pytest.raises(MarkTaken, match="header VERSION; a value is one user's alone"):
            await take_mark(cluster, "demo", "kt-mesh-web.x", taker(), header="user")


async def test_of_two_who_began_at_the_same_moment_neither_goes_on():
    async with in_cluster() as (api, cluster):
        session = Session("kt-exchange-web", "demo", "shadow-exchange", "eve@desk")
        lease = SessionLease(cluster, session, {"mode": "exchange", "target": "service/web"})
        await lease.create()
        put_user(api, 90, "bob")  # dead, and looked after by others
        await check_alone(cluster, lease, "web")
        put_user(api, 1, "ann")
        with pytest.raises(Taken, match="service/web is taken: mesh by ann@laptop"):
            await check_alone(cluster, lease, "web")
