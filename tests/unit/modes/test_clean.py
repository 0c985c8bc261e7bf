import os
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.kube.client import Cluster
from ktconnect.modes.clean import CleanSpec, clean_cluster, clean_quietly
from ktconnect.objects.session import LEASE, Session, lease

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def put_session(api, name, age):
    session = Session(name, "demo", "shadow-connect", "ann@laptop")
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


def die_with_session(server, namespace="demo"):
    remembering = f"remember({server!r}, {namespace!r}, 'mine')"
    code = f"from ktconnect.modes.local import remember; {remembering}"
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
        api.denied = {("delete", "leases", "elsewhere")}
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
