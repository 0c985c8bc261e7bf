from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.dns.zone import Attempt, Zone, matches, reverse_address

ZONE = Zone(
    "cluster.local",
    "shop",
    services=frozenset({("web", "shop"), ("redis", "shop"), ("api", "dev"), ("db", "prod")}),
    headless=frozenset({("redis", "shop"), ("db", "prod")}),
    namespaces=frozenset({"shop", "dev", "prod"}),
    networks=(ip_network("10.96.0.0/12"), ip_network("fd00:96::/112")),
    suffixes=("corp.internal",),
)


def asked(name: str, zone: Zone = ZONE) -> list[str]:
    return [f"{attempt.server} {attempt.name}" for attempt in zone.route(name).attempts]


@pytest.mark.parametrize(
    "name",
    [
        "web.shop.svc.cluster.local",
        "cluster.local",
        "10-244-0-7.shop.pod.cluster.local",
        "git.corp.internal",
        "10.0.96.10.in-addr.arpa".replace("10.0.96.10", "1.0.96.10"),
    ],
)
def test_a_full_cluster_name_is_asked_in_the_cluster_only(name):
    assert asked(name) == [f"cluster {name}"]


@pytest.mark.parametrize("name", ["web.shop.svc", "any.thing.else.svc", "10-244-0-7.dev.pod"])
def test_an_ending_that_only_the_cluster_has_is_completed(name):
    assert asked(name) == [f"cluster {name}.cluster.local"]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("web", "web.shop.svc.cluster.local"),
        ("api.dev", "api.dev.svc.cluster.local"),
        ("redis-0.redis", "redis-0.redis.shop.svc.cluster.local"),
        ("db-0.db.prod", "db-0.db.prod.svc.cluster.local"),
        ("_http._tcp.web", "_http._tcp.web.shop.svc.cluster.local"),
        ("_http._tcp.api.dev", "_http._tcp.api.dev.svc.cluster.local"),
    ],
)
def test_a_short_name_of_a_service_that_exists_is_asked_in_the_cluster_first(name, full):
    assert asked(name) == [f"cluster {full}", f"upstream {name}"]


@pytest.mark.parametrize(
    "name",
    [
        "www.example.com",
        "nobody",
        "api",
        "google.dev",
        "web-0.web",
        "web.dev",
        "api-0.api.dev",
        "10-244-0-7.else.pod",
        "svc",
        "pod",
        "notcluster.local",
        "8.8.8.8.in-addr.arpa",
        "96.10.in-addr.arpa",
        ".",
        "_tcp",
    ],
)
def test_everything_else_is_not_the_clusters(name):
    assert asked(name) == [f"upstream {name}"]


def test_two_labels_may_be_a_service_or_a_pod_of_ours():
    zone = Zone("c.l", "shop", frozenset({("a", "redis")}), frozenset({("redis", "shop")}))
    assert asked("a.redis", zone)[:2] == [
        "cluster a.redis.svc.c.l",
        "cluster a.redis.shop.svc.c.l",
    ]


def test_reverse_names_of_ipv6_addresses_belong_to_the_cluster_too():
    name = ip_address("fd00:96::10").reverse_pointer
    assert asked(name) == [f"cluster {name}"]


def test_an_order_of_the_user_asks_every_server_until_one_knows():
    zone = Zone("cluster.local", "shop", order=("cluster", "udp:1.2.3.4:53"))
    decision = zone.route("web")
    assert decision.exhaustive
    assert decision.attempts == (
        Attempt("cluster", "web.shop.svc.cluster.local"),
        Attempt("cluster", "web"),
        Attempt("udp:1.2.3.4:53", "web"),
    )


def test_an_override_wins_over_everything():
    address = ip_address("10.0.0.9")
    zone = Zone(
        "cluster.local", "shop", overrides=(("*.shop.example", address),), order=("cluster",)
    )
    assert zone.route("www.shop.example").address == address
    assert zone.route("shop.example").address is None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("a.*.*.com", "a.b.cd.com", True),
        ("a.*.com.", "ab.cd.com", False),
        ("*.com", "a.b.com", False),
        ("A.com", "a.com", True),
        ("a.com", "a.org", False),
    ],
)
def test_a_star_stands_for_one_label(pattern, name, expected):
    assert matches(pattern, name) is expected


@given(st.ip_addresses())
def test_every_address_is_found_in_its_reverse_name(address):
    assert reverse_address(address.reverse_pointer) == address


@pytest.mark.parametrize("name", ["x.in-addr.arpa", "1.ip6.arpa", "g." * 31 + "0.ip6.arpa", "web"])
def test_other_names_are_no_reverse_names(name):
    assert reverse_address(name) is None


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("later", True),
        ("later.dev", True),
        ("pod-0.later.dev", True),
        ("later.dev.svc", True),
        ("later.dev.svc.cluster.local", True),
        ("later.unknown", False),
        ("www.example.com", False),
        ("a.b.c.dev", False),
    ],
)
def test_names_that_a_service_made_a_moment_later_would_have(name, may):
    assert ZONE.route(name).may_appear is may
    assert Zone("cluster.local", "shop", order=("cluster",)).route(name).may_appear is (
        name == "later"
    )
