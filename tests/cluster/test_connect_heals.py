"""A connection stays up: what breaks is noticed, shown, and healed as soon as the way is back."""

import json
import os
import signal
import time

import pytest
from tests.cluster.breaking import api_server_silent, cut, stopped
from tests.cluster.connecting import ours, run_ktctl, wait_until
from tests.cluster.echoing import echoing
from tests.cluster.healing import NOTICED, healed, kept_ended, one_of_each, status_after, trouble
from tests.cluster.patience import allowed
from tests.cluster.processes import agent, door, family, is_running, send, worker
from tests.cluster.traffic import traffic

pytestmark = pytest.mark.cluster

HEALED = 8.0  # seconds from the repair until everything works
REMOUNTED = 20.0  # when the kubelet missed a volume, it tries again with pauses of its own
INTERNET = "name=www.example.com"


@pytest.fixture(scope="module")
def echo(cluster):
    with echoing(cluster) as found:
        yield found


@pytest.fixture
def session(connect):
    with connect() as found:
        yield found


@pytest.fixture
def going(cluster, session, echo):
    """Programs of the laptop that use the connection all the time."""
    with traffic(cluster, *echo.orders, INTERNET) as found:
        yield found


def lose_agent(cluster, namespace, session, how):
    ours_here = (f"--selector=kt-session={session.name}", f"--namespace={namespace}")
    if how == "Pod deleted":
        cluster.kubectl("delete", "pod", *ours_here, "--force")
    elif how == "process killed":
        send(signal.SIGKILL, agent(cluster, namespace))
    elif how == "ConfigMap and Pod deleted":
        cluster.kubectl("delete", "configmap,pod", *ours_here, "--force")
    else:
        cluster.kubectl("delete", how.partition(" ")[0].lower(), *ours_here)


@pytest.mark.parametrize(
    "how",
    [
        "Pod deleted",
        "process killed",
        "Deployment deleted",
        "Lease deleted",
        "ConfigMap and Pod deleted",
    ],
)
def test_an_agent_that_is_gone_is_made_anew(cluster, namespace, session, going, report, how):
    began = time.time()
    lose_agent(cluster, namespace, session, how)
    # A new Pod may be there before the last pipe is lost: then the status has been up throughout.
    assert kept_ended(going, 20) == {"ConnectionResetError"}
    noticed = going.of("open")[0].ended
    took = healed(session, going, noticed)
    report(noticed=noticed - began, healed=took)
    assert session.status["reconnections"] >= 4
    assert took < allowed(REMOUNTED if "ConfigMap" in how else HEALED)
    one_of_each(cluster, namespace, session)


def test_an_agent_follows_when_its_node_is_drained(cluster, namespace, session, going, report):
    pods = f"--pod-selector=kt-session={session.name}"
    (pod,) = cluster.get("pods", f"--namespace={namespace}")["items"]
    node = pod["spec"]["nodeName"]
    began = time.time()
    try:
        cluster.kubectl("drain", node, pods, "--ignore-daemonsets", "--timeout=120s")
        # The pipes may have moved before the old Pod is gone: the status was up throughout then.
        assert kept_ended(going, 30) == {"ConnectionResetError"}
        noticed = going.of("open")[0].ended
        took = healed(session, going, noticed)
    finally:
        cluster.kubectl("uncordon", node)
    report(noticed=noticed - began, healed=took)
    assert session.status["reconnections"] >= 1
    assert took < allowed(HEALED)
    one_of_each(cluster, namespace, session)


def test_a_restarted_api_server_is_used_as_soon_as_it_is_back(
    cluster, namespace, session, going, report
):
    began = time.time()
    cluster.restart_component("kube-apiserver")
    noticed = trouble(session, began)
    wait_until(lambda: cluster.laptop(["kubectl", "get", "--raw=/readyz"]).stdout == "ok", 60)
    took = healed(session, going, time.time())
    report(noticed=noticed - began, healed=took)
    assert kept_ended(going) == {"ConnectionResetError"}
    assert noticed - began < allowed(NOTICED)
    assert took < allowed(HEALED)
    one_of_each(cluster, namespace, session)


def follows(cluster, namespace):
    """Make a Service; returns the seconds until the laptop knows its short name."""
    began = time.time()
    cluster.kubectl(
        "create", "service", "clusterip", "late", "--tcp=80", f"--namespace={namespace}"
    )
    ask = ["getent", "hosts", f"late.{namespace}"]
    wait_until(lambda: cluster.laptop(ask).returncode == 0, within=25)
    return time.time() - began


@pytest.mark.parametrize("seconds", [5, 30])
def test_a_cut_network_is_noticed_and_used_as_soon_as_it_is_back(
    cluster, namespace, session, going, report, seconds
):
    began = time.time()
    with cut(cluster):
        noticed = trouble(session, began)
        time.sleep(max(0.0, began + seconds - time.time()))
        back = time.time()
    took = healed(session, going, back)
    report(noticed=noticed - began, healed=took)
    assert noticed - began < allowed(NOTICED)
    assert took < allowed(HEALED)
    if seconds > NOTICED:
        assert kept_ended(going) == {"ConnectionResetError"}
        report(followed=follows(cluster, namespace))
    one_of_each(cluster, namespace, session)


def test_names_of_the_cluster_fail_at_once_while_it_is_away_and_others_work(
    cluster, namespace, session, going, report
):
    """The port-forward is open, but dead: packets vanish without a word."""
    began = time.time()
    with api_server_silent(cluster):
        noticed = trouble(session, began)
        down = status_after(session, began, lambda health: health == "down", 10)
        ended = kept_ended(going)
        time.sleep(3)
        back = time.time()
    took = healed(session, going, back)
    report(noticed=noticed - began, down=down - began, healed=took)
    assert noticed - began < allowed(NOTICED)
    assert took < allowed(HEALED)
    assert ended == {"ConnectionResetError"}
    asked = going.of("echo", down + 0.1, back - 0.5)
    assert {each.problem for each in asked} == {"SERVFAIL"}
    assert max(each.seconds for each in asked) < allowed(0.5)
    refused = going.of("http", down + 0.1, back - 0.5)
    assert refused
    assert max(each.seconds for each in refused) < allowed(0.5)
    others = going.of("www.example.com", began, time.time() - 2)
    assert [each for each in others if not each.ok or each.seconds > allowed(0.5)] == []
    one_of_each(cluster, namespace, session)


def test_an_agent_that_hangs_is_noticed_and_used_when_it_goes_on(
    cluster, namespace, session, going, report
):
    pid = agent(cluster, namespace)
    began = time.time()
    with stopped(pid):
        noticed = trouble(session, began)
        ended = kept_ended(going)
        back = time.time()
    took = healed(session, going, back)
    report(noticed=noticed - began, healed=took)
    assert ended == {"ConnectionResetError"}
    assert noticed - began < allowed(NOTICED)
    assert took < allowed(HEALED)
    one_of_each(cluster, namespace, session)


def test_a_laptop_that_slept_goes_on_with_what_it_had(cluster, namespace, session, going, report):
    with stopped(*family(session.pid)):
        time.sleep(10)
        awake = time.time()
    took = healed(session, going, awake)
    report(healed=took)
    assert took < allowed(HEALED)
    assert session.status["reconnections"] == 0
    assert going.of("open") + going.of("idle") == []
    one_of_each(cluster, namespace, session)


def test_a_laptop_that_slept_until_others_cleaned_up_begins_anew(
    cluster, namespace, session, going, report
):
    with stopped(*family(session.pid)):
        long_ago = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
        lease = ("lease", session.name, f"--namespace={namespace}")
        cluster.kubectl("patch", *lease, "--type=merge", f"--patch={json.dumps(long_ago)}")
        cleaned = run_ktctl(cluster, "clean", "-n", namespace, env={"HOME": "/run/home/colleague"})
        assert cleaned.code == 0, cleaned
        wait_until(lambda: ours(cluster, namespace) == [], within=20)
        awake = time.time()
    took = healed(session, going, awake)
    report(healed=took)
    assert kept_ended(going) == {"ConnectionResetError"}
    one_of_each(cluster, namespace, session)


def test_another_root_helper_takes_over_when_one_is_killed(
    cluster, namespace, session, going, report
):
    first = worker(session)
    began = time.time()
    os.kill(first, signal.SIGKILL)
    session.wait_for(lambda event: "root helper was killed" in event.get("message", ""))
    took = healed(session, going, began + 0.5)
    report(healed=took + 0.5)
    assert took < allowed(HEALED)
    assert worker(session) != first
    one_of_each(cluster, namespace, session)


def test_a_session_goes_on_without_the_process_that_starts_helpers(session, going):
    doorkeeper = door(session)
    os.kill(doorkeeper, signal.SIGKILL)
    wait_until(lambda: not is_running(doorkeeper))
    assert healed(session, going, time.time()) < allowed(1)
