"""However a session ends, laptop and cluster are as they were: at once, or after the next start."""

import os
import signal
import subprocess
import time

import pytest
from tests.cluster.breaking import api_server_silent
from tests.cluster.connecting import (
    HOME,
    command,
    connected,
    environment,
    laptop_state,
    ours,
    run_ktctl,
    started,
    wait_until,
)
from tests.cluster.patience import allowed, at_last
from tests.cluster.processes import door, family, is_running, send, worker
from tests.cluster.terminals import terminal

pytestmark = pytest.mark.cluster

GONE = 15.0  # seconds that the kubelet may take to end the agent's Pod
UNREACHABLE = 14.0  # seconds after which nobody waits for an API server any more


@pytest.fixture
def before(cluster, namespace):
    """What laptop and namespace look like without a session."""
    wait_until(lambda: "configmap/kube-root-ca.crt" in objects(cluster, namespace))
    return laptop_state(cluster), objects(cluster, namespace), journals(cluster)


def objects(cluster, namespace):
    kinds = "all,leases,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies"
    return cluster.kubectl("get", kinds, "-o", "name", f"--namespace={namespace}").split()


def laptop_undone(cluster, before, within=10):
    """Wait until the laptop is as before; what differs is shown."""
    deadline = time.monotonic() + at_last(within)
    while (now := laptop_state(cluster)) != before[0] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert now == before[0]


def undone(cluster, namespace, before, pids=()):
    """Nothing is left: on the laptop, in the namespace, of the processes."""
    laptop_undone(cluster, before)
    assert ours(cluster, namespace) == []
    wait_until(lambda: not any(map(is_running, pids)))
    wait_until(lambda: objects(cluster, namespace) == before[1], GONE)
    assert set(journals(cluster)) <= set(before[2])


def journals(cluster):
    """What waits for the next start; one of the folders is the whole machine's."""
    here = cluster.laptop(["readlink", "/proc/self/ns/net"]).stdout.strip()
    folders = ["/var/lib/kt/journal", f"{HOME}/.kt/journal"]
    return cluster.laptop(["grep", "-rlF", here, *folders]).stdout.split()


STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_signal_that_asks_for_an_end_is_a_success(
    cluster, namespace, connect, before, report, number
):
    with connect() as session:
        pids = family(session.pid)
        began = time.monotonic()
        assert session.stop(number) == 0
        report(undone=time.monotonic() - began)
        undone(cluster, namespace, before, pids)


def test_more_signals_do_not_break_off_the_undoing(cluster, namespace, connect, before):
    with connect() as session:
        for _ in range(20):
            session.process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        assert session.wait() == 0
        undone(cluster, namespace, before)


def test_ctrl_c_in_the_terminal_reaches_all_processes_and_undoes(cluster, namespace, before):
    argv = command(cluster, namespace)
    with started(cluster, argv, start_new_session=True) as session:
        session.wait_for(lambda event: event["event"] == "ready")
        os.killpg(session.pid, signal.SIGINT)
        assert session.wait() == 0
        undone(cluster, namespace, before)


def test_a_closed_terminal_ends_the_session(cluster, namespace, before):
    with terminal(cluster, command(cluster, namespace, "-o", "text")) as shown:
        shown.wait_for(lambda seen: "Ready" in seen)
        pids = family(shown.process.pid)
        shown.hang_up()
    undone(cluster, namespace, before, pids)


def test_a_reader_that_goes_away_ends_the_session(cluster, namespace, before):
    argv = command(cluster, namespace)
    process = cluster.laptop_popen(
        argv, env=environment(None, None), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    while b'"ready"' not in process.stdout.readline():
        continue
    process.stdout.close()
    process.wait(at_last(30))
    undone(cluster, namespace, before)


@pytest.mark.parametrize("how", ["a pipe that ends", "no descriptor"])
def test_standard_input_is_of_no_concern(cluster, namespace, before, how):
    argv = command(cluster, namespace)
    if how == "no descriptor":
        argv = ["sh", "-c", 'exec "$@" <&-', "sh", *argv]
    with started(cluster, argv, stdin=subprocess.PIPE) as session:
        stdin = session.process.stdin
        assert stdin is not None
        stdin.close()
        session.wait_for(lambda event: event["event"] == "ready")
        for _ in range(2):
            session.wait_health("up", 5, after=len(session.events))
        assert session.process.poll() is None
        assert session.stop() == 0
        undone(cluster, namespace, before)


def killed(session, who):
    """SIGKILL, so that none of them sees another one go."""
    pids = {"ktctl": session.pid, "worker": worker(session), "door": door(session)}
    chosen = [pids[name] for name in who.split(", ")]
    send(signal.SIGSTOP, *chosen)
    send(signal.SIGKILL, *chosen)
    if session.pid in chosen:
        session.wait()
    wait_until(lambda: not any(map(is_running, chosen)))


@pytest.mark.parametrize("who", ["ktctl", "ktctl, door", "ktctl, worker", "ktctl, door, worker"])
def test_what_a_kill_leaves_is_cleaned(cluster, namespace, connect, before, report, who):
    with connect() as session:
        killed(session, who)
        if "worker" not in who:
            began = time.monotonic()
            laptop_undone(cluster, before)
            report(undone=time.monotonic() - began)
        assert ours(cluster, namespace)
        cleaned = run_ktctl(cluster, "clean", "-n", namespace)
        assert cleaned.code == 0, cleaned
    undone(cluster, namespace, before)


def test_the_next_session_cleans_after_a_killed_one(cluster, namespace, connect, before):
    with connect() as session:
        killed(session, "ktctl, door, worker")
        with connect() as second:
            wait_until(lambda: f"Lease/{session.name}" not in ours(cluster, namespace))
            assert f"Lease/{second.name}" in ours(cluster, namespace)
    undone(cluster, namespace, before)


def test_without_any_root_process_a_session_says_so_and_ends(cluster, namespace, connect, before):
    with connect() as session:
        killed(session, "door, worker")
        told = session.wait_for(lambda event: event["event"] == "error")
        assert "root helper was killed" in told["message"]
        assert session.wait() != 0
        assert ours(cluster, namespace) == []
        assert run_ktctl(cluster, "clean", "-n", namespace, "--localOnly").code == 0
    undone(cluster, namespace, before)


def test_a_kill_at_any_moment_of_the_start_is_cleaned(cluster, namespace, before):
    for tenths in (1, 3, 5, 7, 9, 12, 15, 19, 24, 30):
        with started(cluster, command(cluster, namespace)) as session:
            time.sleep(tenths / 10)
            send(signal.SIGKILL, *family(session.pid))
    cleaned = run_ktctl(cluster, "clean", "-n", namespace)
    assert cleaned.code == 0, cleaned
    undone(cluster, namespace, before)


def test_a_signal_at_any_moment_of_the_start_undoes(cluster, namespace, before):
    for tenths in (2, 4, 6, 8, 11, 14, 18, 22):
        with started(cluster, command(cluster, namespace)) as session:
            time.sleep(tenths / 10)
            session.stop(signal.SIGTERM)
    undone(cluster, namespace, before)


def test_an_end_without_the_cluster_undoes_the_laptop_and_says_what_is_left(
    cluster, namespace, connect, before, report
):
    with connect() as session:
        with api_server_silent(cluster):
            time.sleep(1)
            began = time.monotonic()
            session.process.send_signal(signal.SIGINT)
            laptop_undone(cluster, before, within=5)
            assert session.wait() == 0
            took = time.monotonic() - began
        report(**{"given up after": took})
        assert took < allowed(UNREACHABLE)
        (warning,) = [event for event in session.events if event["event"] == "warning"]
        assert f"{session.name} is still in the cluster" in warning["message"]
        assert run_ktctl(cluster, "clean", "-n", namespace).code == 0
    undone(cluster, namespace, before)


def test_the_hosts_file_is_put_back_too(cluster, namespace, before):
    with connected(cluster, namespace, "--dnsMode", "hosts:kube-system") as session:
        assert "kube-dns" in cluster.laptop(["cat", "/etc/hosts"]).stdout
        killed(session, "ktctl, door, worker")
    assert run_ktctl(cluster, "clean", "-n", namespace).code == 0
    undone(cluster, namespace, before)


def test_a_resolv_conf_that_is_a_link_stays_one(cluster, namespace, connect):
    cluster.laptop(
        ["sh", "-c", "mv /etc/resolv.conf /run/names; ln -s /run/names /etc/resolv.conf"]
    )
    try:
        state = laptop_state(cluster), objects(cluster, namespace)
        with connect():
            assert "-> /run/names" in cluster.laptop(["ls", "-l", "/etc/resolv.conf"]).stdout
        laptop_undone(cluster, state)
    finally:
        cluster.laptop(["mv", "/run/names", "/etc/resolv.conf"])
