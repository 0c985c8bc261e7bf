import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering
from tests.unit.sessions.left import ALIVE, DEAD, exchanged, service
from tests.unit.sessions.left import NOW as MOMENT
from tests.unit.sessions.world import (
    BEFORE,
    NOW,
    OURS,
    ROUTED,
    entry,
    leases,
    put_lease,
    put_router,
    put_service,
    put_user,
    selector,
)

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.recover import RecoverSpec, concerns, given_back, recover, run
from ktconnect.modes.setup import SetupSpec
from ktconnect.modes.setup import run as run_setup
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.session import journal_text, record_of
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.orphan import APPLIED


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SETTLE_SECONDS", "CALLS_SECONDS"):
        monkeypatch.setattr(f"ktconnect.sessions.restore.{name}", 0)
    monkeypatch.setattr("ktconnect.sessions.taken.PATIENCE", 0.05)
    monkeypatch.setattr("ktconnect.sessions.taken.LOOK", 0.01)


@asynccontextmanager
async def in_cluster(now=NOW):
    api = FakeApi()
    api.now = now
    async with api.serving(), Cluster(api.config()) as cluster:
        yield api, cluster, Remembering()


async def test_a_dead_session_is_undone_for_anybody():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api)
        put_lease(api, 90)
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        assert selector(api) == BEFORE
        assert leases(api) == []
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
    assert reporter.notes[-1] == "web is neither exchanged nor meshed"


async def test_one_that_is_alive_is_named_and_left():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api)
        put_lease(api, 1)
        for spec in (RecoverSpec(), RecoverSpec(dry_run=True)):
            with pytest.raises(Taken, match="ann@laptop"):
                await recover(cluster, "demo", "web", spec, reporter)
        assert selector(api) == OURS


async def test_it_can_be_ended_on_purpose():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api)
        put_lease(api, 1)
        await recover(cluster, "demo", "web", RecoverSpec(takeover=True), reporter)
        assert selector(api) == BEFORE
        assert reporter.notes[-1] == "done: web is given back, no session has it any more"


def test_who_has_taken_it_again_meanwhile_is_named():
    lease = {"metadata": {"name": "kt-exchange-web"}, "spec": {"holderIdentity": "ann@laptop"}}
    assert given_back("web", [record_of(lease)]) == (
        "web is held again, by session kt-exchange-web of ann@laptop"
    )


async def test_a_dry_run_tells_what_undoing_a_dead_one_would_do():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api)
        put_lease(api, 90)
        before = dict(api.objects)
        await recover(cluster, "demo", "web", RecoverSpec(dry_run=True), reporter)
        assert api.objects == before
    assert reporter.changed[0] == ("v1/Service/demo/web#/spec/selector", OURS, BEFORE)


async def test_sessions_of_others_targets_are_not_looked_at():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api)
        put_service(api, "shop", BEFORE)
        put_lease(api, 90)
        await recover(cluster, "demo", "shop", RecoverSpec(), reporter)
        assert leases(api) == ["kt-exchange-web"]


def test_a_session_concerns_what_it_took_and_what_it_changed():
    lease = {
        "metadata": {
            "annotations": {
                "kt-config": json.dumps({"mode": "exchange", "target": "deployment/api"}),
                "kt-journal": journal_text([entry()]),
            }
        }
    }
    record = record_of(lease)
    assert [name for name in ("api", "web", "demo") if concerns(record, name)] == ["api", "web"]
    lease["metadata"]["annotations"] = {
        "kt-config": json.dumps({"mode": "forward", "target": "service/web"})
    }
    assert not concerns(record_of(lease), "web")


def three_users(api, *ages):
    put_service(api, selector=ROUTED)
    put_router(api, min(ages))
    for who, age in zip(("ann", "bob", "eve"), ages, strict=True):
        put_user(api, age, who)


async def test_three_who_share_a_service_are_all_named_and_left():
    async with in_cluster() as (api, cluster, reporter):
        three_users(api, 1, 90, 2)
        for spec in (RecoverSpec(), RecoverSpec(dry_run=True)):
            with pytest.raises(Taken, match=r"ann@laptop via version 'ann'.*eve@laptop") as taken:
                await recover(cluster, "demo", "web", spec, reporter)
            assert "bob" not in str(taken.value)
        assert selector(api) == ROUTED
        assert len(leases(api)) == 4


async def test_three_who_share_a_service_are_ended_together_on_purpose():
    async with in_cluster() as (api, cluster, reporter):
        three_users(api, 1, 90, 2)
        spec = RecoverSpec(takeover=True)
        await recover(cluster, "demo", "web", replace(spec, dry_run=True), reporter)
        assert ("v1/Service/demo/web#/spec/selector", ROUTED, BEFORE) in reporter.changed
        assert len(leases(api)) == 4
        await recover(cluster, "demo", "web", spec, reporter)
        assert selector(api) == BEFORE
        assert leases(api) == []
    told = [line for line in reporter.notes if line.startswith("taking over")]
    assert len(told) == 2


async def test_a_router_that_its_last_user_left_behind_is_taken_away():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api, selector=ROUTED)
        put_router(api, 1)
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        assert selector(api) == BEFORE
        assert leases(api) == []
    assert reporter.notes[-2:] == [
        "deleted what is shared of service/web",
        "done: web is given back, no session has it any more",
    ]
    assert "calls through the router of service/web get" in reporter.notes[0]


async def test_a_service_led_to_a_router_that_nobody_knows_comes_back_too():
    async with in_cluster() as (api, cluster, reporter):
        lost = service(selector=ROUTED)
        lost["metadata"]["annotations"][APPLIED] = json.dumps({"spec": {"selector": BEFORE}})
        api.put(lost)
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        assert selector(api) == BEFORE


def test_a_session_does_not_concern_a_service_for_a_rule_of_that_name():
    key = "networking.istio.io/v1/VirtualService/demo/api#/spec/http[name=kt-mesh-ci]"
    notes = {
        "kt-config": json.dumps({"mode": "mesh", "target": "service/web"}),
        "kt-journal": journal_text([Entry("kube", key, None, {"name": "kt-mesh-ci"})]),
    }
    record = record_of({"metadata": {"annotations": notes}})
    assert [name for name in ("api", "web") if concerns(record, name)] == ["web"]


async def test_what_kt_connect_left_is_undone():
    async with in_cluster(MOMENT.timestamp()) as (api, cluster, reporter):
        for each in exchanged(DEAD):
            api.put(each)
        await recover(cluster, "demo", "web", RecoverSpec(dry_run=True), reporter)
        assert selector(api)["kt-role"] == "shadow-exchange"
        assert reporter.changed[0][2] == {"app": "web"}
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        assert selector(api) == {"app": "web"}
        assert [name for _, _, name in api.objects] == ["web"]


async def test_what_a_living_kt_connect_has_is_named_and_left():
    async with in_cluster(MOMENT.timestamp()) as (api, cluster, reporter):
        for each in exchanged(ALIVE):
            api.put(each)
        with pytest.raises(Conflict, match="by ann, who is alive"):
            await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        await recover(cluster, "demo", "web", RecoverSpec(takeover=True), reporter)
        assert selector(api) == {"app": "web"}


async def test_a_name_that_is_not_there_touches_nothing():
    async with in_cluster(MOMENT.timestamp()) as (api, cluster, reporter):
        for each in exchanged(DEAD):
            api.put(each)
        before = dict(api.objects)
        with pytest.raises(UsageError, match="no Service or Deployment wbe"):
            await recover(cluster, "demo", "wbe", RecoverSpec(), reporter)
        assert api.objects == before


async def test_a_namespace_that_is_not_there_is_named():
    async with in_cluster() as (api, cluster, reporter):
        api.no_namespaces.add("demo")
        with pytest.raises(UsageError, match="there is no namespace demo"):
            await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        api.denied = {("get", "namespaces", "")}
        with pytest.raises(UsageError, match="no Service or Deployment web in namespace demo"):
            await recover(cluster, "demo", "web", RecoverSpec(), reporter)


LOST = {"app": "web-kt-exchange-abcde"}


async def test_a_service_whose_session_nobody_knows_comes_back_as_it_was_applied():
    async with in_cluster() as (api, cluster, reporter):
        lost = service(selector=LOST)
        lost["metadata"]["annotations"][APPLIED] = json.dumps({"spec": {"selector": BEFORE}})
        api.put(lost)
        await recover(cluster, "demo", "web", RecoverSpec(dry_run=True), reporter)
        assert reporter.changed == [("v1/Service/demo/web#/spec/selector", LOST, BEFORE)]
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        assert selector(api) == BEFORE


async def test_where_nobody_knows_the_selector_it_is_said_so():
    async with in_cluster() as (api, cluster, reporter):
        api.put(service(selector=LOST))
        with pytest.raises(Conflict, match="apply its manifest anew"):
            await recover(cluster, "demo", "web", RecoverSpec(), reporter)


async def test_what_may_not_be_listed_is_told():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("list", "services", "demo")}
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
    assert "no right to list Services" in reporter.notes[0]


async def test_only_what_had_to_be_seen_is_told_as_hidden():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api, selector=BEFORE)
        api.denied = {("list", kind, "demo") for kind in ("pods", "deployments", "configmaps")}
        await recover(cluster, "demo", "web", RecoverSpec(), reporter)
        assert reporter.notes == ["web is neither exchanged nor meshed"]
        await recover(cluster, "demo", "nix", RecoverSpec(), reporter)
        assert "no right to list Pods, Deployments" in reporter.notes[1]
        api.put(service(kept=json.dumps(BEFORE)))
        with pytest.raises(Conflict):
            await recover(cluster, "demo", "web", RecoverSpec(), reporter)
    assert "ConfigMaps" not in " ".join(reporter.notes)


async def test_several_names_are_recovered_from_the_kubeconfigs_cluster(tmp_path):
    async with in_cluster() as (api, _, reporter):
        for name in ("web", "shop"):
            put_service(api, name)
            put_lease(api, 90, f"kt-exchange-{name}", [entry(name)])
        cluster = ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "demo"))
        await run(RecoverSpec(cluster, ("web", "service/shop")), reporter)
        assert [selector(api, name) for name in ("web", "shop")] == [BEFORE, BEFORE]
        await run_setup(SetupSpec(cluster), reporter)
        assert ("v1/ServiceAccount", "demo", "kt-agent") in api.objects
