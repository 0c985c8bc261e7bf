"""The playground itself, on this machine: what comes up, what fails, what is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground import build, cgroups, denial, line, network, users
from playground import status as report
from playground.cluster import Playground
from playground.errors import PlaygroundError
from playground.line import Line
from playground.testing import Deploy

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

RESTRICTED = """
apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: NAME}}
spec:
  nodeName: NODE
  terminationGracePeriodSeconds: 0
  securityContext:
    runAsNonRoot: true
    runAsUser: 1234
    seccompProfile: {type: RuntimeDefault}
    sysctls:
    - {name: net.ipv4.ip_unprivileged_port_start, value: "0"}
    - {name: net.ipv4.ping_group_range, value: "0 2147483647"}
  containers:
  - name: main
    image: kt.local/echo:1
    args: [--http, "80"]
    ports: [{containerPort: 80}]
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
---
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec:
  ipFamilyPolicy: RequireDualStack
  selector: {app: NAME}
  ports: [{name: http, port: 80}, {name: udp, port: 8080, protocol: UDP}]
"""
FETCH = """
import sys, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=8).status)
    except OSError as error:
        print(type(error).__name__)
"""


def echo_pod(name: str, node: str) -> str:
    return RESTRICTED.replace("NAME", name).replace("NODE", node)


def left_of(name: str) -> list[str]:
    """Whatever there is on this machine of a playground."""
    namespaces = network.existing(name)
    groups = [str(group) for group in cgroups.existing(name)]
    folder = Playground(name).folder
    files = [str(path) for path in (folder.root, folder.lock) if path.exists()]
    mentions = [pid for pid in _processes() if str(folder.root) in _command_line(pid)]
    return [*namespaces, *groups, *files, *mentions]


def _processes() -> list[str]:
    return [entry for entry in os.listdir("/proc") if entry.isdigit()]


def _command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def eventually(condition: Callable[[], bool], within: float = 160) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Playground]:
    build.build(lambda _: None)
    playground = Playground("pgtest")
    playground.up(2)
    yield playground
    playground.down()
    assert left_of("pgtest") == []


@pytest.fixture(scope="module")
def pods(two_nodes: Playground) -> Playground:
    """One restricted echo Pod on each node, in a namespace that enforces `restricted`."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    meta = {"name": "demo", "labels": label}
    two_nodes.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": meta}])
    Deploy(two_nodes, "demo")(echo_pod("one", "node1"), echo_pod("two", "node2"))
    return two_nodes


def fetch(playground: Playground, pod: str, *urls: str) -> list[str]:
    words = ["exec", "-i", pod, "--namespace=demo", "--", "python3", "-", *urls]
    return playground.kubectl(*words, stdin=FETCH).split()


def curl(playground: Playground, url: str) -> int:
    """curl's exit code on the laptop."""
    command = ["curl", "-sk", "-m", "6", "-o", "/dev/null", url]
    return playground.laptop(command).returncode


def test_up_again_does_nothing(two_nodes: Playground) -> None:
    assert two_nodes.up() is False
    with pytest.raises(PlaygroundError, match="is up with 2 nodes, not 3"):
        two_nodes.up(3)


def test_nodes_have_both_families_and_the_ranges_that_their_pods_use(pods: Playground) -> None:
    for node in pods.plan.nodes:
        found = pods.get("node", node.name)
        assert found["spec"]["podCIDRs"] == list(node.pod_ranges)
        addresses = [each["address"] for each in found["status"]["addresses"]]
        assert set(node.addresses) <= set(addresses)
    assert pods.get("pod", "two", "-n", "demo")["status"]["podIP"].startswith("10.244.2.")


def test_the_cluster_tells_its_service_ranges(two_nodes: Playground) -> None:
    spec = two_nodes.get("servicecidr", "kubernetes")["spec"]
    assert spec["cidrs"] == ["10.96.0.0/16", "fd00:10:96::/112"]


def test_pods_reach_pods_services_and_names_of_both_families(pods: Playground) -> None:
    two = [each["ip"] for each in pods.get("pod", "two", "-n", "demo")["status"]["podIPs"]]
    service = pods.get("service", "two", "-n", "demo")["spec"]["clusterIPs"]
    urls = [f"http://{ip}/" if "." in ip else f"http://[{ip}]/" for ip in (*two, *service)]
    names = ["http://two/", "http://two.demo.svc.cluster.local/", "http://example.com/"]
    assert fetch(pods, "one", *urls, *names) == ["200"] * 7


def test_the_laptop_reaches_the_api_server_and_the_internet_only(pods: Playground) -> None:
    pod = pods.get("pod", "one", "-n", "demo")["status"]["podIP"]
    for url in (f"{pods.plan.server}/version", "http://example.com/", "http://[2001:db8:113::10]/"):
        assert curl(pods, url) == 0
    for url in (f"http://{pod}/", "https://10.213.0.11:10250/", "http://198.51.100.10/"):
        assert curl(pods, url) != 0


def test_port_forward_works_from_the_laptop(pods: Playground) -> None:
    script = "kubectl -n demo port-forward pod/two 18080:80 >/dev/null & p=$!; "
    script += (
        "curl -s --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:18080/; kill $p"
    )
    assert json.loads(pods.laptop(["sh", "-c", script]).stdout)["pod"] == "two"


def test_laptop_commands_share_files_that_the_machine_does_not_see(two_nodes: Playground) -> None:
    theirs = Path("/etc/hosts").read_bytes()
    two_nodes.laptop(["sh", "-c", "echo 203.0.113.10 new.example >> /etc/hosts; touch /run/mark"])
    seen = two_nodes.laptop(["sh", "-c", "getent hosts new.example; ls /run/mark"]).stdout
    assert seen.split() == ["203.0.113.10", "new.example", "/run/mark"]
    assert Path("/etc/hosts").read_bytes() == theirs
    assert not Path("/run/mark").exists()


def test_the_laptop_can_have_a_tun_device_but_an_ordinary_user_can_not(
    two_nodes: Playground,
) -> None:
    add = ["ip", "tuntap", "add", "dev", "tun7", "mode", "tun"]
    assert two_nodes.laptop(add, user=1000).returncode != 0
    assert two_nodes.laptop(add).returncode == 0
    assert two_nodes.laptop(["ip", "link", "del", "tun7"]).returncode == 0


def test_a_user_has_only_the_rights_asked_for(pods: Playground) -> None:
    file = users.make(pods, "alice", "demo", users.simple_rule(["list"], ["pods"]))
    alice = ["kubectl", f"--kubeconfig={file}", "get"]
    assert pods.laptop([*alice, "pods"]).returncode == 0
    assert "cannot list resource" in pods.laptop([*alice, "services"]).stderr
    assert pods.laptop([*alice, "pods", "-n", "default"]).returncode != 0


def round_trip(playground: Playground, address: str) -> float:
    """Smallest of some pings, in ms; infinite if none came back."""
    done = playground.laptop(["ping", "-c", "20", "-i", "0.1", "-W", "2", "-q", address])
    if done.returncode:
        return float("inf")
    return float(done.stdout.split("=")[-1].split("/")[0])


def test_the_line_is_slow_cut_and_plain_as_asked(two_nodes: Playground) -> None:
    line.put(two_nodes, line.parse(delay="40ms"))
    assert 40 <= round_trip(two_nodes, "10.214.0.1") < 80  # the kernel of a busy machine is late
    assert 40 <= round_trip(two_nodes, "fd00:10:214::1") < 80
    line.put(two_nodes, Line(delay=40, cut=True))
    assert round_trip(two_nodes, "10.214.0.1") == float("inf")
    line.put(two_nodes, Line())
    assert round_trip(two_nodes, "10.214.0.1") < 40


def test_a_denial_stops_one_direction_of_both_families(pods: Playground) -> None:
    denial.deny(pods, "demo/one", "demo/two")
    assert fetch(pods, "one", "http://two/") != ["200"]
    assert fetch(pods, "two", "http://one/") == ["200"]
    denial.clear(pods)
    assert fetch(pods, "one", "http://two/") == ["200"]


def test_the_api_server_comes_back_after_a_restart(pods: Playground) -> None:
    starts = report.status(pods)["components"]["node1"]["kube-apiserver"]["starts"]
    pods.restart_component("kube-apiserver")
    eventually(lambda: curl(pods, f"{pods.plan.server}/readyz") == 0)
    assert report.status(pods)["components"]["node1"]["kube-apiserver"]["starts"] == starts + 1


def test_a_killed_node_is_started_again_by_up(pods: Playground) -> None:
    pods.kill_node("node2")
    assert report.status(pods)["state"] == "partial"
    assert pods.up() is True
    eventually(
        lambda: (
            pods.get("pod", "two", "-n", "demo")["status"]["containerStatuses"][0]["restartCount"]
            > 0
        )
    )
    eventually(lambda: _answers(pods, "http://two/"))


def _answers(playground: Playground, url: str) -> bool:
    try:
        return fetch(playground, "one", url) == ["200"]
    except PlaygroundError:
        return False


def test_status_tells_what_tests_need(two_nodes: Playground) -> None:
    found = json.loads(json.dumps(report.status(two_nodes)))
    assert found["images"]["echo"] == "kt.local/echo:1"
    assert found["laptop"]["namespace"] == "pg-pgtest-laptop"
    assert all(node["ready"] for node in found["nodes"])


def test_an_image_is_given_to_the_nodes_once_for_what_is_in_it(
    two_nodes: Playground, tmp_path: Path
) -> None:
    (tmp_path / "image.yaml").write_text("name: small")
    first = two_nodes.store.build(tmp_path)
    assert two_nodes.provide(first) == two_nodes.provide(first) == "kt.local/small:1"
    (tmp_path / "image.yaml").write_text("{name: small, user: 1}")
    two_nodes.provide(two_nodes.store.build(tmp_path))
    loaded = [each for each in two_nodes.state.archives if "/small-" in each]
    assert len(loaded) == 2


@pytest.mark.parametrize("after", [0.5, 1.5, 4.0])
def test_an_interrupted_up_leaves_nothing_that_up_and_down_can_not_repair(after: float) -> None:
    playground = Playground("pgcut")
    command = [sys.executable, "-m", "playground.cli", "--name", "pgcut", "up"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    assert playground.up() is True
    assert len(playground.get("nodes")["items"]) == 1
    playground.down()
    assert left_of("pgcut") == []


def test_two_playgrounds_stand_side_by_side(two_nodes: Playground) -> None:
    with_same_addresses = Playground("pgtest-2")
    try:
        with_same_addresses.up()
        assert len(with_same_addresses.get("nodes")["items"]) == 1
        assert len(two_nodes.get("nodes")["items"]) == 2
    finally:
        with_same_addresses.down()
    assert left_of("pgtest-2") == []
    assert two_nodes.is_up


def test_what_runs_on_the_laptop_ends_with_the_playground() -> None:
    playground = Playground("pgend")
    playground.up()
    left = playground.laptop_popen(["unshare", "--net", "--mount", "--fork", "sleep", "1000"])
    try:
        assert playground.down() is True
        assert left.wait(30) == -signal.SIGKILL
    finally:
        left.kill()
    assert playground.down() is False
    assert left_of("pgend") == []
