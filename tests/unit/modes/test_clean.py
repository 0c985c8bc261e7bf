import os
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering
from tests.unit.sessions.left import NOW as NOON
from tests.unit.sessions.left import exchanged
from tests.unit.sessions.world import (
    BEFORE,
    MOMENT,
    OURS,
    ROUTED,
    put_lease,
    put_router,
    put_service,
    selector_key,
)

from ktconnect.errors import Forbidden, KtError, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import Unauthorized
from ktconnect.modes.clean import CleanSpec, clean_all, clean_cluster, clean_legacy, clean_quietly
from ktconnect.modes.cluster import holder
from ktconnect.modes.local import remains
from ktconnect.objects.session import LEASE, Session, lease

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def nodes_follow_at_once(monkeypatch):
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 0)


def put_session(api, name, age, holder="ann@laptop"):
    session = Session(name, "demo", "shadow-connect", holder)
    api.put(lease(session, NOW - timedelta(seconds=age), {}))


@asynccontextmanager
async def in_cluster():
    api = FakeApi()
    api.now = NOW.timestamp()
    async with api.serving(), Cluster(api.config()) as cluster:
        yield api, cluster, Remembering()


def leases(api):
    return [name for kind, _, name in api.objects if kind == LEASE]


async def test_the_dead_are_deleted_and_the_living_are_not():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "alive", 30)
        put_session(api, "dead", 90)
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 1
        assert leases(api) == ["alive"]
    assert reporter.notes[0].startswith("deleted session dead of ann@laptop")


@pytest.mark.parametrize("patient", [False, True])
async def test_calls_through_a_router_are_let_end_by_who_can_wait(patient, monkeypatch):
    for name in ("SETTLE_SECONDS", "CALLS_SECONDS"):
        monkeypatch.setattr(f"ktconnect.sessions.restore.{name}", 0)
    async with in_cluster() as (api, cluster, reporter):
        api.now = MOMENT.timestamp()
        put_service(api, selector=ROUTED)
        put_router(api, 90)
        assert await clean_cluster(cluster, "demo", CleanSpec(patient=patient), reporter) == 1
        assert leases(api) == []
    assert ("calls through the router" in reporter.notes[0]) is patient


async def test_a_holder_who_wakes_up_while_we_look_keeps_the_session():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "sleeper", 90)
        silent = api.objects[LEASE, "demo", "sleeper"]
        seen = {"apiVersion": "v1", "kind": "LeaseList", "metadata": {}, "items": [silent]}
        api.routes["/apis/coordination.k8s.io/v1/namespaces/demo/leases"] = lambda _: Answer(
            body=seen
        )
        put_session(api, "sleeper", 0)
        await clean_cluster(cluster, "demo", CleanSpec(), reporter)
        assert leases(api) == ["sleeper"]
    assert reporter.notes == ["left alone: session sleeper of ann@laptop is alive again"]


async def test_the_threshold_is_the_users():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "quiet", 90)
        assert await clean_cluster(cluster, "demo", CleanSpec(threshold_minutes=5), reporter) == 0
        assert leases(api) == ["quiet"]


async def test_who_may_be_dead_but_not_for_certain_is_named():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "late", 34)
        put_session(api, "alive", 1)
        await clean_all(cluster, "demo", CleanSpec(), reporter)
        assert leases(api) == ["late", "alive"]
        nothing, late, alive = reporter.notes
        assert nothing == "nothing to clean in namespace demo"
        assert late.startswith("left: session late of ann@laptop in namespace demo, last heard 34")
        assert alive.startswith("1 session is alive, as far as can be seen")
        put_session(api, "dead", 90)
        await clean_all(cluster, "demo", CleanSpec(), reporter)
        assert reporter.notes[-1] == late, "those that seem to be alive are no news then"


async def test_a_dry_run_says_what_would_be_done_and_does_nothing():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "dead", 90)
        assert await clean_cluster(cluster, "demo", CleanSpec(dry_run=True), reporter) == 1
        assert leases(api) == ["dead"]
    assert reporter.notes[0].startswith("would delete session dead")


async def test_what_is_not_ours_is_never_looked_at():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "theirs", 90)
        del api.objects[LEASE, "demo", "theirs"]["metadata"]["labels"]["control-by"]
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0
        assert leases(api) == ["theirs"]


def die_with_session(server, namespace="demo", uid="uid-1"):
    remembering = f"bind(remember({server!r}, {namespace!r}, 'mine'), {uid!r})"
    code = f"from ktconnect.modes.local import bind, remember; {remembering}"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


async def test_a_killed_session_of_this_machine_is_cleaned_without_waiting():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "mine", 1)
        die_with_session(api.url)
        assert await clean_cluster(cluster, "demo", CleanSpec(dry_run=True), reporter) == 1
        assert leases(api) == ["mine"]
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 1
        assert leases(api) == []
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0


async def test_a_killed_session_that_we_may_not_delete_does_not_keep_us_from_the_others():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "dead", 90)
        die_with_session(api.url, namespace="elsewhere")
        api.denied = {("get", "leases", "elsewhere")}
        await clean_cluster(cluster, "demo", CleanSpec(), reporter)
        assert leases(api) == []
    assert reporter.notes[0].startswith("left: session mine in namespace elsewhere")


async def test_a_killed_session_on_another_cluster_waits_for_that_cluster():
    async with in_cluster() as (_, cluster, reporter):
        die_with_session("https://elsewhere")
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0
        assert reporter.notes == []


async def test_a_missing_right_does_not_keep_a_new_session_from_starting():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("list", "leases", "demo")}
        await clean_quietly(cluster, "demo", reporter)
    assert "not looked for" in reporter.notes[0]


async def test_where_credentials_have_expired_nothing_else_is_tried():
    async with in_cluster() as (api, cluster, reporter):
        api.routes["/apis/coordination.k8s.io/v1/namespaces/demo/leases"] = lambda _: Answer(
            401, b"Unauthorized"
        )
        with pytest.raises(Unauthorized):
            await clean_quietly(cluster, "demo", reporter)
    assert reporter.notes == []


async def test_a_later_session_of_the_same_name_is_not_taken_for_the_dead_one():
    async with in_cluster() as (api, cluster, reporter):
        die_with_session(api.url, uid="uid-of-before")
        put_session(api, "mine", 1)
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0
        assert leases(api) == ["mine"]
        assert list(remains()) == []


async def test_one_killed_while_its_lease_was_made_is_known_by_its_holder():
    async with in_cluster() as (api, cluster, reporter):
        die_with_session(api.url, uid="")
        put_session(api, "mine", 1)
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0
        die_with_session(api.url, uid="")
        put_session(api, "mine", 1, holder())  # or it is another's, of the same user, who lives
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0
        assert leases(api) == ["mine"]
        put_session(api, "mine", 90, holder())
        assert await clean_cluster(cluster, "elsewhere", CleanSpec(), reporter) == 1
        assert leases(api) == []


async def test_a_longer_life_that_a_session_asked_for_is_kept():
    async with in_cluster() as (api, cluster, reporter):
        session = Session("patient", "demo", "shadow-exchange", "ann@laptop")
        api.put(lease(session, NOW - timedelta(minutes=5), {}, restore_after=600))
        assert await clean_cluster(cluster, "demo", CleanSpec(), reporter) == 0


async def test_all_namespaces_can_be_cleaned_at_once():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "dead", 90)
        for place in ("demo", "shop"):
            for each in exchanged(0):
                each["metadata"]["namespace"] = place
                each["metadata"]["annotations"].pop("kt-last-heart-beat", None)
                api.put(each if each["kind"] == "Service" else {**each, "kind": "Secret"})
        spec = CleanSpec(all_namespaces=True)
        assert await clean_cluster(cluster, "", spec, reporter) == 1
        assert await clean_legacy(cluster, "", spec, reporter) == 2
        for place in ("demo", "shop"):
            web = api.objects["v1/Service", place, "web"]
            assert web["spec"]["selector"] == {"app": "web"}


async def test_a_dry_run_names_each_change():
    async with in_cluster() as (api, cluster, reporter):
        put_service(api)
        put_lease(api, 90, name="kt-exchange-web")
        now = (MOMENT - NOW).total_seconds()
        api.now = MOMENT.timestamp() if now else api.now
        before = dict(api.objects)
        await clean_cluster(cluster, "demo", CleanSpec(dry_run=True), reporter)
        assert api.objects == before
    assert reporter.notes[0].startswith("would delete session kt-exchange-web of ann@laptop")
    assert reporter.changed == [
        (selector_key(), OURS, BEFORE),
        ("coordination.k8s.io/v1/Lease/demo/kt-exchange-web", "there", None),
    ]


async def test_what_may_not_be_seen_is_told():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("list", "pods", "demo"), ("list", "configmaps", "demo")}
        assert await clean_legacy(cluster, "demo", CleanSpec(), reporter) == 0
    assert reporter.notes == [
        "what KT Connect left is not all seen: no right to list Pods, ConfigMaps"
    ]


async def test_a_dry_run_tells_what_would_be_left_too():
    async with in_cluster() as (api, cluster, reporter):
        api.now = MOMENT.timestamp()
        put_service(api, selector={"app": "newer"})
        put_lease(api, 90)
        broken = put_lease(api, 90, "kt-exchange-shop")
        broken["metadata"]["annotations"]["kt-journal"] = "nonsense"
        api.put(broken)
        await clean_cluster(cluster, "demo", CleanSpec(dry_run=True), reporter)
    assert f"would leave {selector_key()}: changed by someone else" in reporter.notes
    assert any(
        note.startswith("would be left: session kt-exchange-shop") for note in reporter.notes
    )


async def test_a_dry_run_shows_what_kt_connect_left():
    async with in_cluster() as (api, cluster, reporter):
        api.now = NOON.timestamp()
        for each in exchanged(60):
            api.put(each)
        before = dict(api.objects)
        assert await clean_legacy(cluster, "demo", CleanSpec(dry_run=True), reporter) == 1
        assert api.objects == before
    keys = [key for key, _, _ in reporter.changed]
    assert keys[0] == "v1/Service/demo/web#/spec/selector"
    assert "v1/Pod/demo/web-kt-exchange-abcde" in keys


async def test_a_rehearsal_of_another_command_cleans_nothing():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "dead", 90)
        await clean_quietly(cluster, "demo", reporter, dry_run=True)
        assert leases(api) == ["dead"]


async def test_what_could_not_be_undone_is_kept_for_the_exit_code():
    async with in_cluster() as (api, cluster, reporter):
        put_session(api, "dead", 90)
        api.denied = {("delete", "leases", "demo")}
        failed: list[KtError] = []
        await clean_cluster(cluster, "demo", CleanSpec(), reporter, failed)
        assert leases(api) == ["dead"]
    assert [type(error) for error in failed] == [Forbidden]
    assert reporter.notes[0].startswith("left: session dead of ann@laptop")


async def test_a_namespace_that_is_not_there_is_named_as_far_as_one_may_know():
    async with in_cluster() as (api, cluster, reporter):
        await clean_all(cluster, "demo", CleanSpec(), reporter)
        assert reporter.notes == ["nothing to clean in namespace demo"]
        api.no_namespaces.add("nons")
        with pytest.raises(UsageError, match="there is no namespace nons"):
            await clean_all(cluster, "nons", CleanSpec(), reporter)
        await clean_all(cluster, "", CleanSpec(), reporter)
        assert reporter.notes[-1] == "nothing to clean in any namespace"
        api.denied = {("get", "namespaces", "")}
        await clean_all(cluster, "nons", CleanSpec(), reporter)
        assert reporter.notes[-1] == "nothing to clean in namespace nons"
