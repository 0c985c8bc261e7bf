"""Names on a laptop whose systemd-resolved answers them (started by hand, with a bus)."""

import os
import shutil

import pytest
from tests.cluster.connecting import (
    laptop_state,
    lookup,
    probe,
    wait_until,
)
from tests.cluster.world import service
from tests.netns.test_resolved import BUS, installed

pytestmark = pytest.mark.cluster

INTERNET = "203.0.113.10"
ALONE = {"ipFamilyPolicy": "SingleStack"}


def sh(cluster, script, **options):
    done = cluster.laptop(["sh", "-ec", script], **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_service(cluster, namespace, name="mine"):
    cluster.apply([service(name, **ALONE)], namespace)
    return cluster.get("service", name, f"--namespace={namespace}")["spec"]["clusterIP"]


PREPARE = """
mkdir -p /run/dbus /run/systemd/resolve /run/systemd/resolved.conf.d
grep -q ^systemd-resolve: /etc/passwd || echo 'systemd-resolve:x:0:0::/:/bin/false' >> /etc/passwd
cat > /run/bus.conf
printf '[Resolve]\\nDNS=%s\\nFallbackDNS=\\nMulticastDNS=no\\nLLMNR=no\\n' "$1" \
    > /run/systemd/resolved.conf.d/test.conf
cp /etc/resolv.conf /run/resolv.conf.before
printf 'nameserver 127.0.0.53\\noptions edns0 trust-ad\\n' > /etc/resolv.conf
"""


@pytest.fixture
def resolved(cluster):
    """The laptop's names in the hands of a systemd-resolved; the environment with its tools."""
    if not shutil.which("dbus-daemon"):
        pytest.skip("dbus-daemon is not installed")
    root = installed()
    path = f"{root / 'usr/bin'}:{os.environ['PATH']}"
    upstream = sh(cluster, "sed -n 's/^nameserver //p' /etc/resolv.conf").split()[0]
    prepared = cluster.laptop(["sh", "-ec", PREPARE, "sh", upstream], input=BUS.strip())
    assert prepared.returncode == 0, prepared.stderr
    quiet = {"stdout": -3, "stderr": -3}
    started = []
    try:
        bus = ["dbus-daemon", "--config-file=/run/bus.conf", "--nofork"]
        started.append(cluster.laptop_popen(bus, **quiet))
        wait_until(
            lambda: cluster.laptop(["test", "-S", "/run/dbus/system_bus_socket"]).returncode == 0
        )
        daemon = str(root / "lib/systemd/systemd-resolved")
        started.append(cluster.laptop_popen([daemon], **quiet))
        status = ["env", f"PATH={path}", "resolvectl", "status"]
        wait_until(lambda: cluster.laptop(status).returncode == 0)
        yield {"PATH": path}
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(10)
        sh(cluster, "cat /run/resolv.conf.before > /etc/resolv.conf; rm -r /run/dbus /run/systemd")


def test_systemd_resolved_is_told_our_suffixes_and_keeps_all_else(
    cluster, world, namespace, connect, resolved
):
    address = make_service(cluster, namespace)
    before = laptop_state(cluster)
    names = ("mine", f"mine.{namespace}", f"web.{world.namespace}.svc.cluster.local", "example.com")
    with connect(env=resolved) as session:
        assert session.ready["facts"]["dns"] == "systemd-resolved"
        found = probe(cluster, "names", *names)
        assert found[names[1]] == [address]
        assert found[names[2]] == sorted(world.services["web"])
        assert found["example.com"] == ["2001:db8:113::10", INTERNET]
        assert lookup(cluster, f"mine.{namespace}") == [f"A {address}"]
        query = ["env", f"PATH={resolved['PATH']}", "resolvectl", "query", "-4", "mine"]
        assert address in cluster.laptop(query).stdout
        later = make_service(cluster, namespace, "later")
        wait_until(lambda: lookup(cluster, f"later.{namespace}") == [f"A {later}"])
    assert laptop_state(cluster) == before
    assert lookup(cluster, f"web.{world.namespace}.svc.cluster.local") != [f"A {address}"]
