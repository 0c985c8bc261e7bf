"""As whom ktctl runs, and in which words it is told to: sudo, flags anywhere, old spellings."""

import os

import pytest
from playground import laptop as laptop_files
from tests.cluster.connecting import (
    KTCTL,
    command,
    connected,
    run_ktctl,
    started,
)

pytestmark = pytest.mark.cluster

SUDO = {"SUDO_UID": "1000", "SUDO_GID": "1000", "SUDO_USER": "dev", "KUBECONFIG": ""}
HELPER = "ktconnect.host.helper"


def test_under_sudo_only_the_helper_is_root_and_the_user_s_own_kubeconfig_is_used(
    cluster, namespace, laptop
):
    """The user may read all here, as Python itself may lie in root's home."""
    own = f"{laptop_files.HOME}/.kube"
    laptop("sh", "-ec", f"mkdir -p {own}; cp {cluster.kubeconfig} {own}/config", check=True)
    laptop("chown", "-R", "1000", own, check=True)
    keep = ["setpriv", "--securebits=+no_setuid_fixup", *command(cluster, namespace)]
    with started(cluster, keep, env=SUDO) as session:
        session.wait_for(lambda event: event["event"] == "ready", 20)
        shown = laptop("ps", "--ppid", str(session.pid), "-o", "uid=,args=").stdout
        assert [line.split()[0] for line in shown.splitlines() if HELPER in line] == ["0"]
        assert laptop("ps", "-p", str(session.pid), "-o", "uid=").stdout.strip() == "1000"
        journals = laptop("stat", "-c", "%u", f"{laptop_files.HOME}/.kt/journal").stdout
        assert journals.strip() == "1000"
        holder = cluster.get("lease", session.name, f"--namespace={namespace}")
        assert holder["spec"]["holderIdentity"] == "dev@laptop"
        assert session.stop() == 0
    laptop("rm", "-r", own)


def test_under_sudo_a_program_that_the_user_may_not_read_is_told(cluster, namespace, laptop):
    if laptop("setpriv", "--reuid=1000", "test", "-r", os.__file__).returncode == 0:
        pytest.skip("the user may read this Python")
    argv = command(cluster, namespace, "--kubeconfig", str(cluster.kubeconfig))
    ended = run_ktctl(cluster, *argv[1:], env=SUDO)
    assert ended.code == 7
    assert "dev may not read" in ended.error["message"]


def test_shared_flags_may_stand_before_or_after_and_in_any_spelling(cluster, namespace):
    image = cluster.state.images["python"]
    before = [KTCTL, "-n", namespace, "--image", image, "-o", "json"]
    with started(cluster, [*before, "connect", "--dns-mode=none", "--DISABLEPODIP"]) as session:
        ready = session.wait_for(lambda event: event["event"] == "ready")
        assert ready["namespace"] == namespace
        assert ready["facts"]["dns"] == "none"
        assert ready["facts"]["ranges"] == ["10.96.0.0/16", "fd00:10:96::/112"]
        assert session.stop() == 0


OLD = [
    "--method", "vpn", "--sshPort", "2222", "--waitTime", "20", "--cidr", "192.0.2.0/24",
    "--label", "team=a", "--disableDNS", "--global", "--tunName", "tun9", "--debug=false",
    "--useShadowDeployment=true", "--asWorker=false",
]  # fmt: skip


def test_the_spellings_of_old_scripts_still_work(cluster, namespace):
    with connected(cluster, namespace, *OLD) as session:
        facts = session.ready["facts"]
        assert "192.0.2.0/24" in facts["ranges"]
        assert facts["dns"] == "none"
        lease = cluster.get("lease", session.name, f"--namespace={namespace}")
        assert lease["metadata"]["labels"]["team"] == "a"
        assert "--waitTime" in session.stderr
        assert "--sshPort" in session.stderr
