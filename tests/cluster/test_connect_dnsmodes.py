"""Every ``--dnsMode``, and the flags about names; each with a session of its own."""

import contextlib

import pytest
from tests.cluster.connecting import (
    lookup,
    probe,
    wait_until,
)
from tests.cluster.world import service

pytestmark = pytest.mark.cluster

INTERNET = "203.0.113.10"
ALONE = {"ipFamilyPolicy": "SingleStack"}
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules: [{host: shop.example.com}, {host: "*.apps.example.com"}]
"""


def sh(cluster, script, **options):
    done = cluster.laptop(["sh", "-ec", script], **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def one(found):
    """The only record."""
    assert len(found) == 1, found
    return found[0]


def make_service(cluster, namespace, name="mine"):
    cluster.apply([service(name, **ALONE)], namespace)
    return cluster.get("service", name, f"--namespace={namespace}")["spec"]["clusterIP"]


def test_none_leaves_names_alone(cluster, world, connect):
    before = sh(cluster, "cat /etc/resolv.conf /etc/hosts")
    with connect("--dnsMode", "none") as session:
        assert session.ready["facts"]["dns"] == "none"
        assert sh(cluster, "cat /etc/resolv.conf /etc/hosts") == before
        assert lookup(cluster, f"web.{world.namespace}.svc.cluster.local") == "NXDOMAIN"
        address = world.address("service", "web", 4)
        assert probe(cluster, "http", f"http://{address}/")["pod"].startswith("web-")


def test_hosts_writes_down_all_services_and_follows_them(cluster, world, namespace, connect):
    address = make_service(cluster, namespace)
    with changed_hosts(cluster) as mine, connect("--dnsMode", "hosts") as session:
        assert session.ready["facts"]["dns"] == "hosts"
        found = sh(cluster, "cat /etc/hosts")
        assert found.startswith(mine)
        full = f"{namespace}.svc.cluster.local"
        assert f"{address} mine mine.{namespace} mine.{full}\n" in found
        assert f" far.{world.other} " in found
        names = probe(cluster, "names", "mine", f"web.{world.namespace}", "own.entry")
        assert names["mine"] == [address]
        assert names[f"web.{world.namespace}"] == sorted(world.services["web"])
        assert names["own.entry"] == ["192.0.2.7"]
        later = make_service(cluster, namespace, "later")
        wait_until(lambda: f"{later} later " in sh(cluster, "cat /etc/hosts"))


@contextlib.contextmanager
def changed_hosts(cluster):
    """A hosts file that the user has written to, without a last line break; the same after."""
    usual = sh(cluster, "cat /etc/hosts")
    mine = usual + "192.0.2.7 own.entry"
    write_hosts(cluster, mine)
    try:
        yield mine
        assert sh(cluster, "cat /etc/hosts") == mine
    finally:
        write_hosts(cluster, usual)


def write_hosts(cluster, text):
    sh(cluster, "cat > /etc/hosts", input=text)


def test_what_others_left_in_the_hosts_file_is_left_alone(cluster, connect):
    """Even half a block of KT Connect's."""
    usual = sh(cluster, "cat /etc/hosts")
    theirs = usual + "# Kt Hosts Begin\n192.0.2.7 half\n"
    write_hosts(cluster, theirs)
    try:
        with connect("--dnsMode", "hosts"):
            assert sh(cluster, "cat /etc/hosts").startswith(theirs)
        assert sh(cluster, "cat /etc/hosts") == theirs
    finally:
        write_hosts(cluster, usual)


def test_two_sessions_write_down_names_beside_each_other(cluster, world, connect):
    usual = sh(cluster, "cat /etc/hosts")
    near = ["--dnsMode", f"hosts:{world.namespace}", "--excludeIps", "10.244.0.0/16,fd00::/16"]
    more = ["--disablePodIp", "--excludeIps", "10.96.0.0/16,fd00::/16"]
    with connect(*near):
        with connect(*more, "--includeIps", "198.51.100.0/24", "--dnsMode", f"hosts:{world.other}"):
            found = sh(cluster, "cat /etc/hosts")
            assert f" web.{world.namespace} " in found
            assert f" far.{world.other} " in found
        found = sh(cluster, "cat /etc/hosts")
        assert f" web.{world.namespace} " in found
        assert f" far.{world.other} " not in found
    assert sh(cluster, "cat /etc/hosts") == usual


def test_hosts_writes_down_only_the_namespaces_it_is_told(cluster, world, namespace, connect):
    make_service(cluster, namespace)
    resolver = sh(cluster, "cat /etc/resolv.conf")
    with connect("--dnsMode", f"hosts:{world.other},default"):
        found = sh(cluster, "cat /etc/hosts")
        assert f" far.{world.other} " in found
        assert " kubernetes.default " in found
        assert "mine" not in found
        assert f"web.{world.namespace}" not in found
        assert sh(cluster, "cat /etc/resolv.conf") == resolver


def test_pod_dns_asks_the_cluster_for_everything_as_a_pod_does(cluster, namespace, connect):
    address = make_service(cluster, namespace)
    with connect("--dnsMode", "podDNS"):
        assert f"search {namespace}.svc.cluster.local" in sh(cluster, "cat /etc/resolv.conf")
        assert probe(cluster, "names", "mine", f"mine.{namespace}.svc", "example.com") == {
            "mine": [address],
            f"mine.{namespace}.svc": [address],
            "example.com": ["2001:db8:113::10", INTERNET],
        }


@pytest.mark.parametrize(
    "order",
    [
        "cluster,upstream",
        "upstream,cluster",
        "cluster,tcp:upstream",
        f"cluster,{INTERNET}:53",
        f"tcp:{INTERNET},cluster",
    ],
)
def test_an_order_is_followed(cluster, namespace, connect, order):
    address = make_service(cluster, namespace)
    with connect("--dnsMode", f"localDNS:{order}"):
        assert one(lookup(cluster, f"mine.{namespace}")) == f"A {address}"
        assert one(lookup(cluster, "mine")) == f"A {address}"
        assert one(lookup(cluster, "example.com")) == f"A {INTERNET}"
        assert lookup(cluster, "nosuch.invalid") == "NXDOMAIN"


def test_more_domains_can_be_the_cluster_s(cluster, connect):
    """Nobody else could answer here: the laptop's own name server is none."""
    with dead_name_server(cluster), connect("--includeDomains", "corp.example"):
        assert lookup(cluster, "db.corp.example") == ["A 198.51.100.10"]
        assert isinstance(lookup(cluster, "example.com"), str)


@contextlib.contextmanager
def dead_name_server(cluster):
    usual = sh(cluster, "cat /etc/resolv.conf")
    sh(cluster, "cat > /etc/resolv.conf", input="nameserver 127.0.0.99\n")
    try:
        yield
    finally:
        sh(cluster, "cat > /etc/resolv.conf", input=usual)


def test_hosts_of_ingresses_lead_to_the_ingress_ip(cluster, deploy, connect):
    deploy(INGRESS)
    with connect("--ingressIp", "192.0.2.80"):
        assert lookup(cluster, "shop.example.com") == ["A 192.0.2.80"]
        assert lookup(cluster, "any.apps.example.com") == ["A 192.0.2.80"]
        assert lookup(cluster, "a.b.apps.example.com") != ["A 192.0.2.80"]
        assert lookup(cluster, "www.example.com") == [f"A {INTERNET}"]


def test_the_cluster_s_domain_is_found_whatever_the_flag_says(cluster, namespace, connect):
    address = make_service(cluster, namespace)
    with connect("--clusterDomain", "wrong.local"):
        assert lookup(cluster, f"mine.{namespace}.svc.cluster.local") == [f"A {address}"]
        assert lookup(cluster, "mine") == [f"A {address}"]


def test_answers_are_kept_no_longer_than_told(cluster, namespace, connect):
    address = make_service(cluster, namespace)
    with connect("--dnsCacheTtl", "0"):
        assert lookup(cluster, f"mine.{namespace}.svc.cluster.local") == [f"A {address}"]
        cluster.kubectl("delete", "service", "mine", f"--namespace={namespace}")
        gone = f"mine.{namespace}.svc.cluster.local"
        wait_until(lambda: lookup(cluster, gone) == "NXDOMAIN", within=8)  # CoreDNS keeps it 5 s
