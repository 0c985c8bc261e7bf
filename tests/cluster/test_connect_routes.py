"""Which addresses go to the cluster: its own, what is asked for, and not one more."""

import contextlib
import json
import subprocess

import pytest
from tests.cluster.connecting import command, laptop_state, ours, probe, started, wait_until
from tests.cluster.world import service

pytestmark = pytest.mark.cluster

SERVICES = ["10.96.0.0/16", "fd00:10:96::/112"]
PODS = ["10.244.1.0/24", "10.244.2.0/24", "fd00:10:244:1::/64", "fd00:10:244:2::/64"]
API, API_6 = "10.213.0.11", "fd00:10:213::11"
OTHER_NODE, NAME_SERVER, INTERNET = "10.213.0.12", "10.214.0.1", "203.0.113.10"


def sh(cluster, script):
    done = cluster.laptop(["sh", "-ec", script])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def devices(cluster, addresses):
    """Through which device the laptop sends what goes to each."""
    lines = sh(cluster, "\n".join(f"ip -o route get {address}" for address in addresses))
    found = [line.split() for line in lines.splitlines()]
    pairs = zip(addresses, found, strict=True)
    return {address: words[words.index("dev") + 1] for address, words in pairs}


def device(cluster, address):
    return devices(cluster, [address])[address]


def routes(cluster):
    """What leads to our device, without what belongs to the device itself."""
    found = sh(cluster, "ip route show dev kt0 proto static; ip -6 route show dev kt0 proto static")
    return sorted(line.split()[0] for line in found.splitlines())


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], SERVICES + PODS),
        (["--disablePodIp"], SERVICES),
        (["--ipVersion", "4"], [n for n in SERVICES + PODS if ":" not in n]),
        (["--ipVersion", "6"], [n for n in SERVICES + PODS if ":" in n]),
        (["--disableTunRoute"], []),
        (
            ["--includeIps", "192.0.2.0/25,2001:db8:7::/48,192.0.2.200"],
            [*SERVICES, *PODS, "192.0.2.0/25", "2001:db8:7::/48", "192.0.2.200"],
        ),
        (["--excludeIps", "10.244.0.0/15,fd00:10:244:2::/64"], [*SERVICES, "fd00:10:244:1::/64"]),
        (["--disablePodIp", "--excludeIps", "10.96.128.0/17,fd00:10:96::/112"], ["10.96.0.0/17"]),
    ],
    ids=lambda value: " ".join(value)[:60] if value and value[0][:2] == "--" else "",
)
def test_the_routes_are_exactly_the_ranges(cluster, connect, flags, expected):
    with connect(*flags) as session:
        assert routes(cluster) == sorted(expected)
        told = (network.removesuffix("/32") for network in session.ready["facts"]["ranges"])
        assert sorted(told) == sorted(expected)
        untouched = (API, API_6, OTHER_NODE, NAME_SERVER, INTERNET)
        assert set(devices(cluster, untouched).values()) <= {"eth0"}


def test_excludes_and_includes_are_exact_to_the_address(cluster, world, connect):
    exclude = "10.96.0.0/24,10.244.1.77,10.244.2.0/25"
    with connect("--excludeIps", exclude, "--includeIps", "198.51.100.8/30"):
        edges = {
            "10.96.0.0": "eth0", "10.96.0.255": "eth0", "10.96.1.0": "kt0", "10.96.255.255": "kt0",
            "10.97.0.0": "eth0", "10.95.255.255": "eth0",
            "10.244.1.76": "kt0", "10.244.1.77": "eth0", "10.244.1.78": "kt0",
            "10.244.2.127": "eth0", "10.244.2.128": "kt0", "10.244.3.0": "eth0",
            "198.51.100.7": "eth0", "198.51.100.8": "kt0", "198.51.100.11": "kt0",
            "198.51.100.12": "eth0",
        }  # fmt: skip
        assert devices(cluster, edges) == edges
        assert probe(cluster, "http", "http://198.51.100.10/")["method"] == "GET"
        names = probe(cluster, "names", f"web.{world.namespace}")  # though its server is excluded
        assert names[f"web.{world.namespace}"] == sorted(world.services["web"])


def test_the_api_server_is_not_caught_even_if_it_is_included(cluster, connect):
    with connect("--includeIps", "10.213.0.0/24") as session:
        assert devices(cluster, (API, "10.213.0.10", OTHER_NODE)) == {
            API: "eth0",
            "10.213.0.10": "kt0",
            OTHER_NODE: "kt0",
        }
        number = len(session.events)
        session.wait_health("up", 5, after=number)
        assert "ok" in cluster.laptop(["kubectl", "get", "--raw", "/readyz"]).stdout


OTHER_VPN = """
ip link add vpn0 type veth peer name vpn1
ip link set vpn1 up; ip link set vpn0 up
ip route add {} dev vpn0
"""


@contextlib.contextmanager
def own_network(cluster, network):
    """Another VPN of the laptop."""
    sh(cluster, OTHER_VPN.format(network))
    try:
        yield
    finally:
        sh(cluster, "ip link del vpn0")


OVERLAPS = [
    ("10.244.1.16/28", "10.244.1.0/24", False),
    ("10.96.0.0/12", "10.96.0.0/16", True),
    ("10.96.0.0/16", "10.96.0.0/16", False),
    ("fd00:10:244:2::/80", "fd00:10:244:2::/64", False),
]


@pytest.mark.parametrize(("network", "ours_is", "can_be_had"), OVERLAPS)
def test_an_overlap_is_told_before_anything_is_created(
    cluster, namespace, network, ours_is, can_be_had
):
    with own_network(cluster, network), watched(cluster, namespace) as seen:
        before = laptop_state(cluster)
        with started(cluster, command(cluster, namespace)) as session:
            error = session.wait_for(lambda event: event["event"] == "error", 20)
            assert session.wait() == 7
        assert all(part in error["message"] for part in (network, ours_is, "vpn0"))
        assert "--excludeIps" in error["hint"]
        assert ("--includeIps" in error["hint"]) is can_be_had
        assert laptop_state(cluster) == before
        assert seen() == ""
        assert ours(cluster, namespace) == []


@contextlib.contextmanager
def watched(cluster, namespace):
    """Tells which Leases and Deployments ever were in the namespace, however short."""
    kubectl = ["kubectl", "get", "--watch", "-o", "name", f"--namespace={namespace}"]
    watches = [
        cluster.laptop_popen([*kubectl, kind], stdout=subprocess.PIPE, stderr=-3, text=True)
        for kind in ("leases", "deployments")
    ]

    def seen():
        for watch in watches:
            watch.terminate()
        return "".join(watch.communicate()[0] for watch in watches)

    try:
        yield seen
    finally:
        for watch in watches:
            watch.kill()
            watch.wait(10)


def test_the_remedy_for_an_overlap_works_both_ways(cluster, connect):
    with own_network(cluster, "10.244.1.16/28"):
        with connect("--excludeIps", "10.244.1.16/28"):
            assert device(cluster, "10.244.1.17") == "vpn0"
            assert devices(cluster, ("10.244.1.15", "10.244.1.32")) == {
                "10.244.1.15": "kt0",
                "10.244.1.32": "kt0",
            }
    with own_network(cluster, "10.244.0.0/16"):
        with connect("--includeIps", "10.244.1.0/24,10.244.2.0/24"):
            assert devices(cluster, ("10.244.1.17", "10.244.9.9")) == {
                "10.244.1.17": "kt0",
                "10.244.9.9": "vpn0",
            }


def test_a_new_range_is_used_while_connected_and_given_up_when_it_is_gone(
    cluster, world, namespace, connect
):
    more = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": namespace},
        "spec": {"cidrs": ["10.98.0.0/24"]},
    }
    with connect():
        cluster.apply([more])
        try:
            wait_until(lambda: "10.98.0.0/24" in routes(cluster), within=15)
            late = service("late", selector=None, clusterIP="10.98.0.5", ipFamilyPolicy=None)
            wait_until(lambda: applied(cluster, late, namespace), within=20, every=1)
            wait_until(lambda: probe(cluster, "names", "late")["late"] == ["10.98.0.5"])
        finally:
            cluster.kubectl("delete", "service", "late", "-n", namespace, "--ignore-not-found")
            cluster.kubectl("delete", "servicecidr", namespace, "--wait=false")
        wait_until(lambda: "10.98.0.0/24" not in routes(cluster), within=40)
        assert set(SERVICES + PODS) == set(routes(cluster))


def applied(cluster, manifest, namespace):
    """Whether the API server has taken it; a new range is used a moment after it was made."""
    create = ["kubectl", "apply", f"--namespace={namespace}", "-f", "-"]
    return cluster.laptop(create, input=json.dumps(manifest)).returncode == 0


BOX = """
ip netns add box
ip link add box0 type veth peer name eth0 netns box
ip addr add 172.30.0.1/24 dev box0; ip addr add fd00:172:30::1/64 dev box0 nodad
ip link set box0 up
ip -n box addr add 172.30.0.2/24 dev eth0; ip -n box addr add fd00:172:30::2/64 dev eth0 nodad
ip -n box link set eth0 up; ip -n box link set lo up
ip -n box route add default via 172.30.0.1; ip -n box route add default via fd00:172:30::1
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""
UNBOX = """
ip netns del box; ip link del box0 2>/dev/null || true
sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
"""


@pytest.fixture
def box(cluster):
    """A container of the laptop; runs a command in it."""
    sh(cluster, BOX)
    yield lambda *argv: cluster.laptop(["nsenter", "--net=/run/netns/box", "--", *argv])
    sh(cluster, UNBOX)


@pytest.mark.parametrize("family", [4, 6])
def test_containers_of_the_laptop_are_served_if_asked_for(cluster, world, connect, box, family):
    pod = world.address("pod", "web-", family)
    where = f"[{pod}]" if family == 6 else pod
    ip = world.address("service", "web", family)
    before = laptop_state(cluster)
    with connect("--forwarded"):
        assert '"pod": "web-' in box("curl", "-s", "-m", "20", f"http://{where}:8080/").stdout
        where = f"[{ip}]" if family == 6 else ip
        assert '"pod": "web-' in box("curl", "-s", "-m", "20", f"http://{where}/").stdout
        assert " 2 received" in box("ping", "-c", "2", "-i", "0.2", "-W", "8", pod).stdout
        assert probe(cluster, "http", f"http://{where}/")["pod"].startswith("web-")
    assert laptop_state(cluster) == before


def test_containers_of_the_laptop_are_left_alone_if_not_asked_for(cluster, world, connect, box):
    with connect():
        url = f"http://{world.address('pod', 'web-', 4)}:8080/"
        assert box("curl", "-s", "-m", "3", url).returncode != 0
