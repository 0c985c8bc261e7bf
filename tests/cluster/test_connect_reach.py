"""What a connected laptop reaches: by TCP, by UDP, by ping, over IPv4 and IPv6."""

import re

import pytest
from tests.cluster.connecting import connected, laptop_state, ours, probe
from tests.cluster.patience import allowed

pytestmark = pytest.mark.cluster

EVERYWHERE = [
    pytest.param(kind, name, family, id=f"{kind}-{name}-ipv{family}")
    for kind, name in (("pod", "web-"), ("pod", "db-1"), ("service", "web"))
    for family in (4, 6)
] + [pytest.param("service", "six", 6, id="service-six-ipv6")]


@pytest.fixture(scope="module")
def session(cluster, world):
    """One session for all tests that only look."""
    with connected(cluster, world.namespace) as found:
        yield found


def http_port(kind):
    return 80 if kind == "service" else 8080


def bracketed(address):
    return f"[{address}]" if ":" in address else address


def ping(cluster, address, *options):
    """How many of the pings were answered, and the exit code."""
    done = cluster.laptop(["ping", "-i", "0.2", "-W", "5", *options, address])
    found = re.search(r"(\d+) received", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1]), done.returncode


def test_a_session_leaves_laptop_and_namespace_as_they_were(cluster, namespace, connect):
    before = laptop_state(cluster)
    with connect() as session:
        assert f"Lease/{session.name}" in ours(cluster, namespace)
        assert laptop_state(cluster) != before
    assert laptop_state(cluster) == before
    assert ours(cluster, namespace) == []


def test_a_host_behind_the_cluster_is_reached_with_include_ips(cluster, world, connect):
    ended, _ = probe(cluster, "closed", "198.51.100.10", 80)
    assert ended in ("TimeoutError", "OSError")
    with connect("--includeIps", "198.51.100.10,2001:db8:100::/64"):
        for url in (
            "http://198.51.100.10/",
            "http://[2001:db8:100::10]/",
            "http://db.corp.example/",
        ):
            assert probe(cluster, "http", url)["method"] == "GET"


def test_nothing_of_the_cluster_is_reached_without_a_session(cluster, world):
    for address in (world.address("pod", "web-", 4), world.address("service", "web", 6)):
        ended, _ = probe(cluster, "closed", address, 8080)
        assert ended in ("TimeoutError", "OSError")


@pytest.mark.parametrize(("kind", "name", "family"), EVERYWHERE)
def test_http_is_answered(cluster, world, session, kind, name, family):
    address = bracketed(world.address(kind, name, family))
    answer = probe(cluster, "http", f"http://{address}:{http_port(kind)}/")
    assert answer["pod"].startswith({"six": "web-"}.get(name, name))
    assert answer["namespace"] == world.namespace


@pytest.mark.parametrize(("kind", "name", "family"), EVERYWHERE)
def test_tcp_passes_with_half_close(cluster, world, session, kind, name, family):
    assert probe(cluster, "tcp", world.address(kind, name, family), 8081) == "hello"


@pytest.mark.parametrize(("kind", "name", "family"), EVERYWHERE)
def test_udp_passes_with_every_size_of_datagram(cluster, world, session, kind, name, family):
    assert probe(cluster, "udp", world.address(kind, name, family), 8080) == [3, 0, 8000]


@pytest.mark.parametrize("size", [0, 4, 56, 1400, 8000])
@pytest.mark.parametrize("family", [4, 6])
def test_a_pod_answers_ping(cluster, world, session, family, size):
    address = world.address("pod", "web-", family)
    assert ping(cluster, address, "-c", "3", "-s", str(size)) == (3, 0)


def test_two_pings_at_once_are_both_answered(cluster, world, session):
    address = world.address("pod", "web-", 4)
    script = f"ping -q -c 5 -i 0.2 {address} & ping -q -c 5 -i 0.2 {address}; wait $!"
    done = cluster.laptop(["sh", "-c", script])
    assert done.stdout.count("5 received") == 2, done.stdout


@pytest.mark.parametrize("family", [4, 6])
def test_an_address_where_nobody_lives_does_not_answer_ping(cluster, world, session, family):
    nobody = {4: "10.244.1.251", 6: "fd00:10:244:1::fffb"}[family]
    assert ping(cluster, nobody, "-c", "2")[0] == 0


def test_a_service_does_not_answer_ping_as_in_a_pod(cluster, world, session):
    assert ping(cluster, world.address("service", "web", 4), "-c", "2")[0] == 0


@pytest.mark.parametrize(("kind", "family"), [("pod", 4), ("pod", 6), ("service", 4)])
def test_a_port_where_nobody_listens_fails_at_once(cluster, world, session, kind, family):
    ended, seconds = probe(cluster, "closed", world.address(kind, "web", family), 9)
    assert ended in ("ConnectionRefusedError", "ConnectionResetError")
    assert seconds < allowed(3)


def test_a_udp_port_where_nobody_listens_is_refused(cluster, world, session):
    done = cluster.laptop(["sh", "-c", UDP_REFUSED.format(world.address("pod", "web-", 4))])
    assert "ConnectionRefusedError" in done.stderr


UDP_REFUSED = """python3 -c '
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(12)
sock.connect(("{}", 9))
sock.send(b"x")
sock.recv(1)'"""


def test_many_bytes_arrive_whole_both_ways_at_once(cluster, world, session):
    address = world.address("pod", "web-", 4)
    assert probe(cluster, "bulk", address, 8081, 40 << 20) == [40 << 20, True]


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://outside.{ns}/", "a Service without selector, and without an end on IPv6"),
        ("http://ext.{ns}.svc.cluster.local/", "an ExternalName, which leads to the internet"),
        ("http://far.{other}/", "a Service of another namespace"),
        ("http://db-0.db.{ns}:8080/", "a Pod of a StatefulSet by its name"),
        ("http://db:8080/", "a headless Service"),
    ],
)
def test_is_reached_by_name(cluster, world, session, url, what):
    answer = probe(cluster, "http", url.format(ns=world.namespace, other=world.other))
    expected = {"far": "far-", "db-0": "db-0", "db": "db-"}
    host = url.removeprefix("http://").split(".")[0].split(":")[0]
    assert answer["pod"].startswith(expected.get(host, "")), what


def test_the_cluster_s_own_api_is_reached_by_its_service(cluster, session):
    ended = cluster.laptop(["curl", "-sk", "-m", "20", "https://kubernetes.default/version"])
    assert '"gitVersion"' in ended.stdout


def test_the_status_counts_what_passes_through(cluster, world, session):
    before = session.status["received"]
    number = len(session.events)
    probe(cluster, "bulk", world.address("pod", "web-", 4), 8081, 1 << 20)
    found = session.wait_for(
        lambda event: event.get("received", 0) >= before + (1 << 20), 5, after=number
    )
    assert found["health"] == "up"
    assert 0 < found["round_trip"] < allowed(1)
