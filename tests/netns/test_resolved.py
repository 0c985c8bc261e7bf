"""systemd-resolved, started by hand with a bus of its own, asks us for our suffixes only."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

CACHE = Path.home() / ".cache/ktctl/tests/systemd-resolved"
BUS = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_type="method_call"/>
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
PREPARE = """
ip link add eth9 type veth peer name eth8
ip addr add 203.0.113.2/24 dev eth9; ip link set eth9 up; ip link set eth8 up
mkdir -p /run/dbus /run/systemd/resolve /run/systemd/resolved.conf.d
cp /etc/passwd /run/passwd
grep -q ^systemd-resolve: /run/passwd || echo 'systemd-resolve:x:0:0::/:/bin/false' >> /run/passwd
mount --bind /run/passwd /etc/passwd
printf '[Resolve]\\nDNS=127.0.0.9\\nFallbackDNS=\\nMulticastDNS=no\\nLLMNR=no\\n' \
    > /run/systemd/resolved.conf.d/test.conf
"""
ASK_STUB = """
import json, sys, dns.message, dns.query
answer = dns.query.udp(dns.message.make_query(sys.argv[1], "A"), "127.0.0.53", timeout=5)
print(json.dumps([rdata.to_text() for rrset in answer.answer for rdata in rrset]))
"""


def installed():
    """Where systemd-resolved is; its package would take over the machine's names if installed."""
    if Path("/lib/systemd/systemd-resolved").exists():
        return Path("/")
    if not (CACHE / "usr/bin/resolvectl").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fetch = "apt-get download systemd-resolved && dpkg -x systemd-resolved_*.deb ."
        done = subprocess.run(["sh", "-c", fetch], cwd=CACHE, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"systemd-resolved can't be had: {done.stderr.strip()[-200:]}")
    return CACHE


@pytest.fixture
def resolved(laptop):
    """The laptop, with its names in the hands of systemd-resolved; PATH with resolvectl."""
    if not shutil.which("dbus-daemon"):
        pytest.skip("dbus-daemon is not installed")
    root = installed()
    laptop.sh(PREPARE)
    (laptop.etc / "bus.conf").write_text(BUS.strip())
    (laptop.etc / "resolv.conf").write_text("nameserver 127.0.0.53\noptions edns0 trust-ad\n")
    assert laptop.connect(upstream="127.0.0.9").facts == {"ready": True}
    path = f"{root / 'usr/bin'}:{os.environ['PATH']}"
    with (laptop.etc / "log").open("w") as log:
        bus = f"--config-file={laptop.etc / 'bus.conf'}"
        laptop.start("dbus-daemon", bus, "--nofork", stderr=log)
        wait_for(laptop, "test -S /run/dbus/system_bus_socket")
        laptop.start(str(root / "lib/systemd/systemd-resolved"), stderr=log)
        wait_for(laptop, f"PATH={path} resolvectl status")
    os.environ["PATH"], before = path, os.environ["PATH"]
    yield laptop
    os.environ["PATH"] = before


def wait_for(laptop, command):
    deadline = time.monotonic() + 30
    while laptop.run("sh", "-c", command, check=False).returncode:
        log = (laptop.etc / "log").read_text()
        if "Too many open files" in log:
            pytest.skip("all inotify instances of this machine are in use")
        assert time.monotonic() < deadline, log
        time.sleep(0.1)


def ask(laptop, name):
    return json.loads(laptop.run(sys.executable, "-c", ASK_STUB, name).stdout)


OURS, OTHERS = ["10.96.0.53"], ["192.0.2.53"]
NOBODY: list[str] = []  # .local is not asked of common servers (RFC 6762)


def test_only_our_suffixes_are_asked_of_us_until_the_end(resolved):
    before = resolved.state()
    assert ask(resolved, "web.demo.svc.cluster.local") == NOBODY
    assert ask(resolved, "web.demo") == OTHERS
    session = resolved.connect(
        ranges=["10.96.0.0/12"],
        dns="systemd-resolved",
        routed=["cluster.local", "demo"],
        search=["demo.svc.cluster.local"],
    )
    facts = session.facts["facts"]["resolver"]
    assert (facts["kind"], facts["nameservers"]) == ("systemd-resolved", ["127.0.0.9"])
    assert ask(resolved, "web.demo.svc.cluster.local") == OURS
    assert ask(resolved, "web.demo") == OURS
    assert ask(resolved, "example.org") == OTHERS
    assert "10.96.0.53" in resolved.sh("resolvectl query -4 web")
    assert resolved.state()["files"] == before["files"]
    session.end()
    wait_for(resolved, "! resolvectl status | grep -q kt0")  # it hears of the device's end
    assert ask(resolved, "api.demo.svc.cluster.local") == NOBODY
    assert ask(resolved, "api.demo") == OTHERS
    now = resolved.state()
    assert "kt0" not in now["links"]
    assert all(now[part] == before[part] for part in ("nft", "files", "inodes", "journals"))


def test_other_suffixes_can_be_set_while_connected(resolved):
    session = resolved.connect(ranges=["10.96.0.0/12"], dns="systemd-resolved")
    assert ask(resolved, "web.shop") == OTHERS
    assert session.ask(routed=["cluster.local", "shop"]) == {"set": True}
    assert ask(resolved, "api.shop") == OURS


def test_names_are_as_before_when_everything_was_killed(resolved):
    session = resolved.connect(ranges=["10.96.0.0/12"], dns="systemd-resolved")
    assert ask(resolved, "web.demo.svc.cluster.local") == OURS
    door, worker = session.door, session.worker
    os.kill(session.process.pid, 19)
    for pid in (worker, door):
        os.kill(pid, 9)
    session.kill()
    wait_for(resolved, "! resolvectl status | grep -q kt0")
    assert ask(resolved, "api.demo.svc.cluster.local") == NOBODY
