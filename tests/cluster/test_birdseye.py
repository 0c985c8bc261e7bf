"""Everybody's sessions of a namespace, seen by somebody else."""

import json
import signal
import time

import pytest
from tests.cluster.background import at_desk
from tests.cluster.connecting import connected, wait_until
from tests.cluster.processes import family, send
from tests.cluster.taking import exchanged
from tests.cluster.test_clean import age
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster]

PROXY = ("--disableTunDevice", "--proxyPort=0")


@pytest.fixture
def desk(cluster, namespace):
    with at_desk(cluster, namespace) as found:
        yield found


def seen(desk, *flags):
    done = desk.run("birdseye", "-n", desk.namespace, *flags, "-o", "json")
    assert done.code == 0, done
    return json.loads(done.stdout)


def old_shadow(name, role, **notes):
    """A Pod that KT Connect 0.3 has made."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"control-by": "kt", "kt-role": role},
            "annotations": {"kt-user": "bob", "kt-last-heart-beat": str(int(time.time())), **notes},
        },
        "spec": {"containers": [{"name": "standalone", "image": "kt.local/pause:1"}]},
    }


def test_who_takes_what_is_seen_with_sessions_of_kt_connect(cluster, namespace, deploy, desk):
    taken = service("web")
    taken["metadata"]["annotations"] = {"kt-selector": '{"app": "web"}'}
    shadow = old_shadow("web-kt-exchange-abcde", "shadow-exchange", **{"kt-config": "service=web"})
    deploy(taken, service("api"), shadow, wait=False)
    rows = {row["name"]: row["text"] for row in seen(desk)["services"]}
    assert rows == {"web": "exchanged by [bob]", "api": "normal"}
    assert [row["name"] for row in seen(desk, "--hideNaturalService")["services"]] == ["web"]
    assert [row["name"] for row in seen(desk, "--sortBy", "name")["services"]] == ["api", "web"]
    text = desk.run("birdseye", "-n", namespace).stdout
    assert "exchanged by [bob]" in text
    everywhere = desk.run("birdseye", "--all-namespaces", "-o", "wide").stdout
    assert f"{namespace}  " in everywhere
    assert "kube-dns" in everywhere


def test_an_exchange_is_seen_with_its_user_and_its_session(cluster, namespace, deploy, desk):
    deploy(workload(cluster, "web"), service("web"))
    with exchanged(cluster, namespace, env=desk.env) as session:
        (row,) = seen(desk)["services"]
        assert row["text"] == "exchanged by [root@laptop]"
        assert row["state"] == "alive"
        assert row["sessions"][0]["session"] == session.name
        (listed,) = desk.sessions("status")
        assert (listed["session"], listed["mode"]) == (session.name, "exchange")
        assert session.stop() == 0
    assert [row["text"] for row in seen(desk)["services"]] == ["normal"]


def test_a_dead_connector_is_told_from_a_living_one(cluster, namespace, desk):
    env = {"HOME": f"{desk.home}/colleague"}
    with connected(cluster, namespace, *PROXY, env=env) as dead:
        with connected(cluster, namespace, *PROXY, "--skipCleanup", env=desk.env) as living:
            send(signal.SIGKILL, *family(dead.pid))
            wait_until(lambda: dead.process.poll() is not None)
            age(cluster, namespace, dead, 200)
            found = {each["session"]: each for each in seen(desk, "--showConnector")["connectors"]}
            assert found[living.name]["alive"]
            assert not found[dead.name]["alive"]
            assert found[dead.name]["activity"] == "last active 3 min ago"
        desk.run("clean", "-n", namespace)


def test_a_namespace_that_is_not_there_is_refused(desk):
    done = desk.run("birdseye", "-n", "nix-da")
    assert done.code == 2
    assert "no namespace nix-da" in done.stderr
