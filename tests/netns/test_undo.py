"""However a session ends, the machine is as it was, byte for byte."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

ALL = {
    "ranges": ["10.96.0.0/12", "10.244.0.0/16", "fd00:96::/108"],
    "dns": "resolv.conf",
    "search": ["demo.svc.cluster.local"],
    "hosts": ["10.96.0.7 web web.demo"],
    "forwarded": True,
}
KILLED_AT_EACH_STEP = Path(__file__).with_name("killed_at_each_step.py")
PATIENCE = 30


def until(condition):
    """Wait for what another process does."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def same(laptop, before):
    """Whether all is as before; the last look is shown by the assertion."""
    deadline = time.monotonic() + PATIENCE
    while (now := laptop.state()) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now == before
    return True


def kill_all(session):
    """kill -9 of the helper and of ktctl, so that neither sees the other go."""
    door, worker = session.door, session.worker
    os.kill(session.process.pid, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    os.kill(door, signal.SIGKILL)
    session.kill()


def test_a_session_changes_all_that_it_is_to_change(laptop):
    before = laptop.state()
    session = laptop.connect(**ALL)
    now = laptop.state()
    assert all(now[part] != before[part] for part in ("links", "nft", "files", "journals"))
    assert now["inodes"] == before["inodes"]
    session.end()
    same(laptop, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_all_is_undone_when_ktctl_is_ended_by_a_signal(laptop, number):
    before = laptop.state()
    laptop.connect(**ALL).kill(number)
    same(laptop, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_helper_undoes_its_work_when_it_is_ended_and_another_can_begin(laptop, number):
    before = laptop.state()
    session = laptop.connect(**ALL)
    connected = laptop.state()
    os.kill(session.worker, number)
    assert session.hear()["dns"]
    now = laptop.state()
    assert all(now[part] == connected[part] for part in ("nft", "files", "journals"))
    session.end()
    same(laptop, before)


def test_ktctl_goes_on_with_another_helper_when_the_first_is_killed(laptop):
    before = laptop.state()
    session = laptop.connect(**ALL)
    for _ in range(3):
        os.kill(session.worker, signal.SIGKILL)
        assert session.hear()["plan"]["tun"] == "kt0"
        assert "ktctl_s1" in laptop.state()["nft"]
    session.end()
    same(laptop, before)


def test_all_is_undone_at_the_next_start_when_everything_was_killed(laptop):
    before = laptop.state()
    kill_all(laptop.connect(**ALL))
    until(lambda: "kt0" not in laptop.sh("ip link"))
    left = laptop.state()
    assert (left["links"], left["nft"]) == (before["links"], before["nft"])
    assert left["files"] != before["files"]
    # Names still work: our address is nobody's now, so the next server is asked at once.
    assert b"nameserver 127.0.0.77" in left["files"][0]
    assert b"\nnameserver 127.0.0.9\n" in left["files"][0]
    assert laptop.recover() == ["restored /etc/resolv.conf", "restored /etc/hosts"]
    same(laptop, before)
    assert laptop.recover() == []


def test_the_next_session_begins_with_what_was_before_the_last_one(laptop):
    before = laptop.state()
    kill_all(laptop.connect(**ALL))
    until(lambda: "kt0" not in laptop.sh("ip link"))
    another = laptop.connect(**ALL)
    assert another.facts["facts"]["resolver"]["nameservers"] == ["127.0.0.9"]
    another.end()
    same(laptop, before)


def test_a_session_that_cannot_have_its_device_changes_nothing(laptop):
    before = laptop.state()
    laptop.sh("mount -t tmpfs none /dev/net")
    session = laptop.connect(**ALL)
    assert "/dev/net/tun can't be opened" in session.facts["error"]
    assert "modprobe tun" in session.facts["hint"]
    session.end()
    same(laptop, before)


def test_a_resolv_conf_that_nobody_can_write_is_seen_before_anything_is_changed(laptop):
    before = laptop.state()
    laptop.sh("mount -o remount,ro,bind /etc/resolv.conf")
    session = laptop.connect(ranges=["10.96.0.0/12"], dns="resolv.conf")
    assert "/etc/resolv.conf can't be written: Read-only file system" in session.facts["error"]
    assert "findmnt -T /etc/resolv.conf" in session.facts["hint"]
    session.end()
    same(laptop, before)
    other = laptop.connect(ranges=["10.96.0.0/12"], hosts=["10.96.0.7 web"])
    assert other.facts["plan"]["tun"] == "kt0"
    other.end()
    same(laptop, before)


def test_two_sessions_at_once_end_in_any_order(laptop):
    before = laptop.state()
    first = laptop.connect(ranges=["10.96.0.0/12"], dns="resolv.conf", session="s1")
    second = laptop.connect(
        ranges=["10.112.0.0/12"], dns="resolv.conf", search=["b.local"], session="s2"
    )
    assert second.facts["facts"]["resolver"]["nameservers"] == ["127.0.0.77", "127.0.0.9"]
    first.end()
    assert second.hear()["event"]["nameservers"] == ["127.0.0.9"]
    second.end()
    same(laptop, before)


@pytest.mark.timeout(600)
def test_a_kill_at_any_step_of_setting_up_is_undone_at_the_next_start(laptop):
    before = laptop.state()
    outcome = laptop.run(sys.executable, str(KILLED_AT_EACH_STEP), timeout=600).stdout.split()
    assert outcome[0] == "steps"
    assert int(outcome[1]) > 50
    same(laptop, before)
