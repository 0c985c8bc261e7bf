"""Names on a connected laptop: the cluster's, and everybody else's as before."""

import pytest
from playground import line
from playground.line import Line
from tests.cluster.connecting import connected, lookup, probe, wait_until
from tests.cluster.namespaces import namespace_named
from tests.cluster.patience import allowed
from tests.cluster.world import service

pytestmark = pytest.mark.cluster

INTERNET, INTERNET_6 = "203.0.113.10", "2001:db8:113::10"


@pytest.fixture(scope="module")
def session(cluster, world):
    """One session for all tests that only ask."""
    with connected(cluster, world.namespace) as found:
        yield found


def filled(text, world):
    return text.format(ns=world.namespace, other=world.other)


def records(kind, *addresses):
    return sorted(f"{kind} {address}" for address in addresses)


@pytest.mark.parametrize("name", ["web", "web.{ns}", "web.{ns}.svc", "web.{ns}.svc.cluster.local"])
@pytest.mark.parametrize(("kind", "family"), [("A", 4), ("AAAA", 6)])
def test_a_service_has_all_the_names_it_has_in_a_pod(cluster, world, session, name, kind, family):
    expected = records(kind, world.address("service", "web", family))
    assert lookup(cluster, filled(name, world), kind) == expected


@pytest.mark.parametrize("name", ["far.{other}", "far.{other}.svc.cluster.local"])
def test_services_of_every_namespace_have_names(cluster, world, session, name):
    [found] = lookup(cluster, filled(name, world))
    assert found.startswith("A 10.96.")


@pytest.mark.parametrize("name", ["db", "db.{ns}", "db.{ns}.svc.cluster.local"])
def test_a_headless_service_is_all_its_pods(cluster, world, session, name):
    for kind, family in (("A", 4), ("AAAA", 6)):
        pods = [world.address("pod", f"db-{number}", family) for number in (0, 1)]
        assert lookup(cluster, filled(name, world), kind) == records(kind, *pods)


@pytest.mark.parametrize(
    "name", ["db-1.db", "db-1.db.{ns}", "db-1.db.{ns}.svc", "db-1.db.{ns}.svc.cluster.local"]
)
def test_a_stateful_pod_has_a_name_of_its_own(cluster, world, session, name):
    expected = records("A", world.address("pod", "db-1", 4))
    assert lookup(cluster, filled(name, world)) == expected


OTHER_RECORDS = [
    ("_http._tcp.web.{ns}.svc.cluster.local", "SRV", "0 50 80 web.{ns}.svc.cluster.local."),
    ("_http._tcp.web.{ns}", "SRV", "0 50 80 web.{ns}.svc.cluster.local."),
    ("_udp._udp.web", "SRV", "0 50 8080 web.{ns}.svc.cluster.local."),
    ("dns-version.cluster.local", "TXT", '"1.1.0"'),
    ("1.0.96.10.in-addr.arpa", "PTR", "kubernetes.default.svc.cluster.local."),
    ("ext.{ns}.svc.cluster.local", "CNAME", "example.com."),
]


@pytest.mark.parametrize(("name", "kind", "expected"), OTHER_RECORDS)
def test_every_type_of_record_is_answered(cluster, world, session, name, kind, expected):
    assert f"{kind} {filled(expected, world)}" in lookup(cluster, filled(name, world), kind)


def test_a_stateful_pod_is_found_by_its_address(cluster, world, session):
    reverse = ".".join(reversed(world.address("pod", "db-0", 4).split("."))) + ".in-addr.arpa"
    expected = f"PTR db-0.db.{world.namespace}.svc.cluster.local."
    assert expected in lookup(cluster, reverse, "PTR")


def test_an_external_name_leads_where_it_says(cluster, world, session):
    assert f"A {INTERNET}" in lookup(cluster, f"ext.{world.namespace}")


def test_names_are_answered_by_tcp_too(cluster, world, session):
    for name, address in (
        ("web", world.address("service", "web", 4)),
        ("example.com", INTERNET),
    ):
        assert probe(cluster, "dns-tcp", name, "A")["found"] == records("A", address)


def test_the_c_library_finds_the_same(cluster, world, session):
    found = probe(cluster, "names", "web", f"web.{world.namespace}", "example.com", "localhost")
    both = sorted(world.services["web"])
    assert found["web"] == found[f"web.{world.namespace}"] == both
    assert found["example.com"] == sorted([INTERNET, INTERNET_6])
    assert found["localhost"] == ["127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("example.com", "A", [f"A {INTERNET}"]),
        ("example.org", "AAAA", [f"AAAA {INTERNET_6}"]),
        ("www.example.dev", "A", [f"A {INTERNET}"]),
        ("example.com", "MX", []),
        ("nosuch.invalid", "A", "NXDOMAIN"),
        ("nosuch", "A", "NXDOMAIN"),
        ("slow.example.net", "A", ["A 192.0.2.53"]),
    ],
)
def test_the_internet_s_names_are_as_they_were(cluster, world, session, name, kind, expected):
    assert lookup(cluster, name, kind) == expected


def test_a_name_that_is_not_in_the_cluster_does_not_exist(cluster, world, session):
    for name in ("nosuch.{ns}.svc.cluster.local", "nosuch.{ns}.svc", "nosuch.{ns}"):
        assert lookup(cluster, filled(name, world)) == "NXDOMAIN"


def test_a_top_level_domain_is_the_internet_s_although_a_namespace_has_its_name(cluster, session):
    with namespace_named(cluster, "dev"):
        cluster.apply([service("only", ipFamilyPolicy="SingleStack")], "dev")
        wait_until(lambda: str(lookup(cluster, "only.dev")).startswith("['A 10.96."))
        assert lookup(cluster, "www.example.dev") == [f"A {INTERNET}"]
        assert lookup(cluster, "example.dev") != "NXDOMAIN"


def test_the_internet_s_names_are_not_slowed_down(cluster, session):
    for name in ("example.com", "nosuch.invalid"):
        took = sorted(probe(cluster, "dns", name, "A")["seconds"] for _ in range(3))
        assert took[0] < allowed(0.25), took


def test_a_slow_name_delays_no_other(cluster, session):
    assert probe(cluster, "overtakes", "slow.example.net", "www.example.com") > 0


def test_a_new_service_has_its_names_at_once_and_a_deleted_one_none(cluster, world, session):
    cluster.apply([service("late", ipFamilyPolicy="SingleStack")], world.namespace)
    wait_until(lambda: str(lookup(cluster, "late")).startswith("['A 10.96."), within=5)
    cluster.kubectl("delete", "service", "late", f"--namespace={world.namespace}")
    wait_until(lambda: lookup(cluster, "late") == "NXDOMAIN", within=10)


def test_with_the_api_server_gone_the_internet_s_names_stay_and_the_cluster_s_fail_soon(
    cluster, world, session
):
    number = len(session.events)
    cluster.stop_component("kube-apiserver")
    try:
        session.wait_health("down", 30, after=number)
        found = probe(cluster, "dns", "example.com", "A")
        assert found["found"] == [f"A {INTERNET}"]
        assert found["seconds"] < allowed(0.5)
        failed = probe(cluster, "dns", f"web.{world.namespace}.svc.cluster.local", "A")
        assert failed["found"] in ("NoNameservers", "NXDOMAIN")  # nobody else knows it
        assert failed["seconds"] < allowed(1.5)
    finally:
        cluster.start_component("kube-apiserver")
    session.wait_health("up", 40, after=len(session.events))
    wait_until(lambda: lookup(cluster, "web") == records("A", world.address("service", "web", 4)))


def test_with_the_line_cut_everything_is_back_as_soon_as_the_line_is(cluster, world, session):
    line.put(cluster, Line(cut=True))
    try:
        session.wait_for(
            lambda event: event.get("health") in ("down", "stalled"), 15, after=len(session.events)
        )
    finally:
        line.put(cluster, Line())
    session.wait_health("up", 20, after=len(session.events))
    assert lookup(cluster, "web") == records("A", world.address("service", "web", 4))
    assert lookup(cluster, "example.com") == [f"A {INTERNET}"]
