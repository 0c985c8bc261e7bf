"""`ktctl clean`, and what a session cleans on its own: dead ones go, living ones stay."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cluster.connecting import HOME, laptop_state, ours, run_ktctl, wait_until
from tests.cluster.processes import family, send

pytestmark = pytest.mark.cluster

FAKETIME = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")
COLLEAGUE = {"HOME": f"{HOME}/colleague"}
"""Of another laptop: knows nothing of our sessions but what the cluster tells."""


def skewed(hours):
    """The environment of a laptop whose clock is wrong."""
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def age(cluster, namespace, session, seconds):
    """Make the session's Lease look as if it was renewed that long ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    patch = {"spec": {"renewTime": moment.isoformat(timespec="microseconds")}}
    lease = ("lease", session.name, f"--namespace={namespace}")
    cluster.kubectl("patch", *lease, "--type=merge", f"--patch={json.dumps(patch)}")


def kill(session):
    send(signal.SIGKILL, *family(session.pid))
    wait_until(lambda: session.process.poll() is not None)


def clean(cluster, namespace, *flags, **options):
    done = run_ktctl(cluster, "clean", "-n", namespace, *flags, "-o", "json", **options)
    assert done.code == 0, done
    return " ".join(event.get("message", "") for event in done.events)


def test_a_dry_run_changes_nothing_and_names_what_it_would(cluster, namespace, connect):
    with connect() as session:
        kill(session)
        before = laptop_state(cluster), ours(cluster, namespace)
        said = clean(cluster, namespace, "--dryRun")
        assert f"would delete session {session.name}" in said
        assert (laptop_state(cluster), ours(cluster, namespace)) == before
        assert before[1]
        clean(cluster, namespace)


def test_local_only_repairs_the_laptop_and_leaves_the_cluster(cluster, namespace, connect):
    before = laptop_state(cluster)
    with connect() as session:
        kill(session)
        assert laptop_state(cluster) != before
        assert "restored /etc/resolv.conf" in clean(cluster, namespace, "--localOnly")
        assert laptop_state(cluster) == before
        assert f"Lease/{session.name}" in ours(cluster, namespace)
        assert f"deleted session {session.name}" in clean(cluster, namespace)
        assert "nothing to clean" in clean(cluster, namespace)


def test_the_cluster_is_cleaned_without_root(cluster, namespace, connect):
    with connect() as session:
        kill(session)
        age(cluster, namespace, session, 61)
        config = ("--kubeconfig", str(cluster.kubeconfig))
        said = clean(cluster, namespace, *config, user=1000)
        assert f"deleted session {session.name}" in said
        assert "with sudo only" in said
        assert ours(cluster, namespace) == []
        clean(cluster, namespace)


def test_nobody_cleans_a_living_session(cluster, namespace, connect):
    with connect() as session:
        for options in ({}, {"env": COLLEAGUE}):
            before = laptop_state(cluster)
            said = clean(cluster, namespace, **options)
            assert f"deleted session {session.name}" not in said
            assert laptop_state(cluster) == before
        assert f"Lease/{session.name}" in ours(cluster, namespace)
        assert cluster.laptop(["ping", "-c1", "-W8", dns_address(cluster)]).returncode == 0


def dns_address(cluster):
    """Of a Pod that answers pings."""
    pods = cluster.get("pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns")
    return pods["items"][0]["status"]["podIP"]


def test_the_threshold_is_the_users(cluster, namespace, connect):
    with connect() as session:
        kill(session)
        age(cluster, namespace, session, 90)
        hidden = {"env": COLLEAGUE}
        said = clean(cluster, namespace, "--thresholdInMinus", "3", **hidden)
        assert "nothing to clean" in said
        assert f"left: session {session.name} of" in said
        assert "it may be undone in" in said
        said = clean(cluster, namespace, "--thresholdInMinus", "1", **hidden)
        assert f"deleted session {session.name}" in said
        clean(cluster, namespace)


def test_a_colleagues_connect_deletes_a_dead_laptops_session_alone(cluster, namespace, connect):
    with connect() as living, connect("--disableTunDevice", "--proxyPort=0", env=COLLEAGUE) as dead:
        kill(dead)
        age(cluster, namespace, dead, 61)
        third = {**COLLEAGUE, "HOME": f"{HOME}/third"}
        with connect("--disableTunDevice", "--proxyPort=0", env=third) as session:
            wait_until(lambda: f"Lease/{dead.name}" not in ours(cluster, namespace))
            found = ours(cluster, namespace)
            assert f"Lease/{living.name}" in found
            assert f"Lease/{session.name}" in found
        assert living.process.poll() is None


def test_cleaning_can_be_declined(cluster, namespace, connect):
    with connect() as dead:
        kill(dead)
        flags = ("--disableTunDevice", "--proxyPort=0", "--skipCleanup")
        with connect(*flags) as session:
            time.sleep(1.5)
            assert f"Lease/{dead.name}" in ours(cluster, namespace)
            assert session.name != dead.name
        clean(cluster, namespace)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_laptop_whose_clock_is_wrong_neither_cleans_the_living_nor_is_cleaned(
    cluster, namespace, connect, hours
):
    proxy = ("--disableTunDevice", "--proxyPort=0")
    with connect(*proxy) as right:
        with connect(*proxy, env={**COLLEAGUE, **skewed(hours)}) as wrong:
            told = datetime.fromisoformat(wrong.ready["time"])
            assert abs(abs(told - datetime.now(UTC)) - timedelta(hours=1)) < timedelta(minutes=5)
            time.sleep(1.5)
            clean(cluster, namespace, env=skewed(hours))
            clean(cluster, namespace, env={"HOME": f"{HOME}/third"})
            found = ours(cluster, namespace)
            assert f"Lease/{right.name}" in found
            assert f"Lease/{wrong.name}" in found
