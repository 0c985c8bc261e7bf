"""Sessions in the background: found, asked, shown and ended; nothing is left of any of them."""

import json
import os
import signal
import time

import pytest
from playground import laptop as laptop_files
from tests.cluster.background import at_desk
from tests.cluster.connecting import KTCTL, command, environment, ours, started, wait_until
from tests.cluster.patience import at_last
from tests.cluster.processes import family, is_running, send
from tests.cluster.terminals import terminal

pytestmark = [pytest.mark.cluster]

PROXY = ("connect", "--disableTunDevice", "--proxyPort", "0")
FORWARD = ("forward", "0:kubernetes.default:443")


@pytest.fixture
def desk(cluster, namespace):
    with at_desk(cluster, namespace) as found:
        yield found


def test_a_session_goes_on_in_the_background_and_is_listed_shown_and_stopped(
    cluster, namespace, desk
):
    ready = desk.detached(*PROXY)
    (listed,) = desk.sessions()
    assert listed["session"] == ready["session"]
    assert (listed["mode"], listed["namespace"], listed["pid"]) == (
        "connect",
        namespace,
        ready["pid"],
    )
    wait_until(lambda: desk.sessions()[0]["state"] == "up")
    proxy = f"http://{ready['facts']['proxy']}"
    reached = cluster.laptop(["curl", "-sk", "-x", proxy, "https://kubernetes.default/version"])
    assert "gitVersion" in reached.stdout
    said = desk.run("logs", ready["session"]).stdout
    assert "Ready after" in said
    assert "● up" in said
    done = desk.run("stop", ready["session"])
    assert done.code == 0, done
    assert f"{ready['session']} has ended: Nothing of ours is left" in done.stdout
    assert not is_running(ready["pid"])
    assert desk.files() == []
    assert ours(cluster, namespace) == []
    assert "Ended" in desk.run("logs", ready["session"]).stdout.splitlines()[-1]


def test_the_caller_sees_the_steps_and_gets_the_errors_and_their_exit_code(desk):
    done = desk.run(*PROXY, *desk.image, "--detach")
    assert done.code == 0, done
    for words in ("✓ Kubernetes", "✓ Agent", "✓ Tunnel", "Ready after", "ktctl stop", "ktctl logs"):
        assert words in done.stdout
    failed = desk.run(*PROXY, *desk.image, "--namespace", "nix-da", "--detach")
    assert failed.code == 2
    assert "no namespace nix-da" in failed.stderr
    assert len(desk.sessions()) == 1


def test_a_detached_session_outlives_its_terminal(cluster, desk):
    argv = ["env", f"HOME={desk.home}", *desk.command(*PROXY), "--detach"]
    with terminal(cluster, argv) as screen:
        screen.wait_for(lambda seen: "Ready after" in seen and "ktctl logs" in seen)
        (listed,) = desk.sessions()
        screen.hang_up()
    time.sleep(1.5)
    assert is_running(listed["pid"])
    wait_until(lambda: desk.sessions()[0]["state"] == "up")


def test_a_session_in_the_foreground_is_listed_too_and_ends_with_its_pid_file(
    cluster, namespace, desk
):
    argv = [*desk.command(*FORWARD), "-o", "json"]
    with started(cluster, argv, env=desk.env) as session:
        session.wait_for(lambda event: event["event"] == "ready")
        (listed,) = desk.sessions()
        assert (listed["session"], listed["log"]) == (session.name, "")
        refused = desk.run("logs", session.name)
        assert refused.code == 2
        assert "in the foreground" in refused.stderr
        desk.remove(f"pid/forward-{listed['pid']}.pid")
        assert session.wait(at_last(20)) == 0
    assert desk.files() == []
    assert ours(cluster, namespace) == []


def test_a_removed_pid_file_ends_one_in_the_background(cluster, namespace, desk):
    ready = desk.detached(*PROXY)
    desk.remove(f"pid/connect-{ready['pid']}.pid")
    desk.wait_ended(ready["pid"])
    assert desk.files() == []
    assert ours(cluster, namespace) == []


def test_the_status_tells_by_its_exit_code_whether_all_is_up(desk):
    assert desk.run("status").code == 0
    ready = desk.detached(*PROXY)
    wait_until(lambda: desk.run("status").code == 0)
    os.kill(ready["pid"], signal.SIGSTOP)
    try:
        done = desk.run("status", ready["session"])
        assert done.code == 9, done
        assert "not answering" in done.stdout
        assert "SIGSTOP" in done.stdout
    finally:
        os.kill(ready["pid"], signal.SIGCONT)
    wait_until(lambda: desk.run("status", ready["session"]).code == 0)
    assert desk.run("status", "nix-da").code == 2


def test_the_status_is_that_of_the_data_path(cluster, namespace, desk):
    ready = desk.detached(*FORWARD)
    wait_until(lambda: desk.sessions()[0]["state"] == "up")
    zero = ("scale", "deployment", ready["session"], f"--namespace={namespace}", "--replicas=0")
    cluster.kubectl(*zero)
    wait_until(lambda: desk.run("status").code == 9, 20)
    assert desk.sessions("status")[0]["state"] in ("down", "stalled")
    cluster.kubectl(*zero[:-1], "--replicas=1")
    wait_until(lambda: desk.run("status").code == 0, 30)


def test_one_that_was_killed_is_swept_and_cleaned(cluster, namespace, desk):
    ready = desk.detached(*PROXY)
    send(signal.SIGKILL, *family(ready["pid"]))
    desk.wait_ended(ready["pid"])
    assert desk.sessions() == []
    assert ours(cluster, namespace) != []
    done = desk.run("clean", "-n", namespace)
    assert done.code == 0, done
    wait_until(lambda: ours(cluster, namespace) == [])
    assert desk.files() == []


def test_one_that_does_not_end_in_time_is_told_and_killed_on_request(cluster, namespace, desk):
    ready = desk.detached(*FORWARD)
    told = desk.run("stop", ready["session"], "--timeout", "0")
    assert told.code == 1
    assert "has not ended within 0 s" in told.stdout
    desk.wait_ended(ready["pid"])
    stubborn = desk.detached(*FORWARD)
    done = desk.run("stop", stubborn["session"], "--timeout", "0", "--force")
    assert done.code == 0, done
    assert not is_running(stubborn["pid"])
    wait_until(lambda: ours(cluster, namespace) == [])
    assert desk.files() == []


def test_several_are_stopped_at_once_also_one_that_is_suspended(cluster, namespace, desk):
    first, second = desk.detached(*PROXY), desk.detached(*FORWARD)
    os.kill(first["pid"], signal.SIGSTOP)
    done = desk.run("stop", "--all")
    assert done.code == 0, done
    assert first["session"] in done.stdout
    assert second["session"] in done.stdout
    assert desk.sessions() == []
    assert ours(cluster, namespace) == []
    assert desk.run("stop", first["session"]).code == 2


def test_a_log_is_followed_to_the_end(cluster, desk):
    ready = desk.detached(*PROXY)
    argv = [KTCTL, "logs", ready["session"], "-f"]
    with started(cluster, argv, env=desk.env) as following:
        following.wait_for(lambda event: "Ready after" in event.get("text", ""))
        assert desk.run("stop", ready["session"]).code == 0
        assert following.wait(at_last(10)) == 0
    assert "Ended" in following.story()


def test_with_a_tun_device_routes_and_names_go_with_it(cluster, namespace, desk):
    ready = desk.detached("connect")
    tun = ready["facts"]["tun"]
    assert cluster.laptop(["ip", "link", "show", tun]).returncode == 0
    assert desk.run("stop", ready["session"]).code == 0
    assert cluster.laptop(["ip", "link", "show", tun]).returncode != 0
    assert ours(cluster, namespace) == []


def test_a_caller_who_is_interrupted_takes_the_new_process_along(cluster, namespace, desk):
    argv = [*desk.command(*PROXY), "--detach", "--image", "kt.local/none:1", "-o", "json"]
    with started(cluster, argv, env=desk.env) as caller:
        wait_until(lambda: ours(cluster, namespace))
        caller.process.send_signal(signal.SIGINT)
        assert caller.wait(at_last(20)) == 130
    assert desk.sessions() == []
    assert ours(cluster, namespace) == []


SUDO = {"SUDO_UID": "1000", "SUDO_GID": "1000", "SUDO_USER": "dev", "KUBECONFIG": ""}


def test_under_sudo_the_process_and_its_files_are_the_users_own(cluster, namespace, laptop):
    """The user may read all here, as Python itself may lie in root's home."""
    keep = ["setpriv", "--securebits=+no_setuid_fixup"]
    own = ["--kubeconfig", str(cluster.kubeconfig)]
    argv = [*keep, *command(cluster, namespace, *own), "--detach"]
    done = cluster.laptop(argv, env=environment(None, SUDO))
    assert done.returncode == 0, done.stdout + done.stderr
    ready = json.loads(done.stdout.splitlines()[-1])
    pid = ready["pid"]
    assert ready["log"].startswith(f"{laptop_files.HOME}/.kt/log/")
    assert laptop("ps", "-p", str(pid), "-o", "uid=").stdout.strip() == "1000"
    found = laptop(
        "find", f"{laptop_files.HOME}/.kt", "-name", f"connect-{pid}.*", "-printf", "%U "
    )
    assert found.stdout.split() == ["1000"] * 4  # pid, record, socket, log
    tun = ready["facts"]["tun"]
    stop = [KTCTL, "stop", ready["session"]]
    done = cluster.laptop([*keep, *stop], env=environment(None, SUDO))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not is_running(pid)
    assert cluster.laptop(["ip", "link", "show", tun]).returncode != 0
    assert ours(cluster, namespace) == []
