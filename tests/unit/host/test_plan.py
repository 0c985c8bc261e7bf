import json
from dataclasses import replace
from ipaddress import ip_address

import pytest
from tests.unit.host.laptops import laptop, networks

from ktconnect.errors import HostError
from ktconnect.host.laptop import Resolver
from ktconnect.host.plan import (
    NEVER,
    DnsPlan,
    HostPlan,
    Wanted,
    free_addresses,
    make_plan,
    networks_of,
)

HOME = laptop(("0.0.0.0/0", "eth0"), ("192.0.2.0/24", "eth0"), ("127.0.0.0/8", "lo"))
CLUSTER = Wanted(ranges=networks("10.96.0.0/12", "10.244.0.0/16", "fd00:244::/56"))


def test_the_clusters_ranges_are_wanted():
    assert networks_of(CLUSTER, HOME) == networks("10.96.0.0/12", "10.244.0.0/16", "fd00:244::/56")


def test_a_laptop_without_ipv6_has_no_ipv6_routes():
    assert networks_of(CLUSTER, replace(HOME, ipv6=False)) == networks(
        "10.96.0.0/12", "10.244.0.0/16"
    )


@pytest.mark.parametrize(
    ("changes", "kept_out"),
    [
        ({"nodes": (ip_address("10.2.2.26"),)}, True),
        ({"nodes": (ip_address("10.2.2.26"),), "include": networks("10.2.2.26/32")}, False),
        ({"api_servers": (ip_address("10.2.2.26"),)}, True),
        ({"api_servers": (ip_address("10.2.2.26"),), "include": networks("10.2.2.0/24")}, True),
        ({"exclude": networks("10.2.2.26/32")}, True),
        ({"exclude": networks("10.2.2.26/32"), "include": networks("10.2.2.0/24")}, True),
        ({}, False),
    ],
)
def test_who_keeps_an_address_out_of_a_range(changes, kept_out):
    found = networks_of(Wanted(ranges=networks("10.2.2.0/24"), **changes), HOME)
    assert (ip_address("10.2.2.26") not in found[0] and len(found) == 8) is kept_out
    assert kept_out or found == networks("10.2.2.0/24")


def test_the_laptops_own_name_servers_stay_outside_whatever_their_form():
    home = replace(HOME, resolver=Resolver("resolv.conf", ("10.2.2.26", "fe80::1%eth0")))
    assert len(networks_of(Wanted(ranges=networks("10.2.2.0/24")), home)) == 8


def test_loopback_and_its_like_are_never_caught_even_if_included():
    wild = networks("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/64")
    assert networks_of(Wanted(include=wild), HOME) == ()


def test_what_is_never_caught_covers_loopback_link_local_and_multicast():
    for text in ("127.0.0.53", "::1", "169.254.169.254", "fe80::1", "224.0.0.251", "ff02::1"):
        assert any(ip_address(text) in network for network in NEVER)


def test_a_plan_takes_names_and_addresses_that_are_free():
    busy = laptop(("198.18.0.0/24", "x0"), ("2001:2::/64", "x0"), interfaces=("lo", "kt0", "kt1"))
    plan = make_plan(CLUSTER, busy, session="s1", redirect_ports=(15001, 15002), forwarded=True)
    assert plan.tun == "kt2"
    assert [str(a) for a in plan.addresses] == ["198.18.1.1", "2001:2:0:1::1"]
    assert plan.table == "ktctl_s1"
    assert plan.forwarded
    assert plan.dns == DnsPlan()


def test_addresses_of_the_laptop_are_not_taken_twice():
    busy = replace(HOME, addresses=(ip_address("198.18.0.1"),), ipv6=False)
    assert free_addresses(busy, ()) == (ip_address("198.18.1.1"),)


def test_a_cluster_that_fills_the_range_for_tests_leaves_no_address():
    with pytest.raises(HostError, match="no address is free"):
        free_addresses(HOME, networks("198.18.0.0/15"))


PLAN = HostPlan(
    session="s1",
    tun="kt0",
    addresses=(ip_address("198.18.0.1"), ip_address("2001:2::1")),
    networks=networks("10.96.0.0/12", "fd00:96::/108"),
    redirect_ports=(15001, 0),
    dns=DnsPlan(
        "systemd-resolved", ("cluster.local",), ("demo.svc.cluster.local",), ("10.0.0.1 a",)
    ),
)


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, dns=DnsPlan(), networks=())])
def test_a_plan_survives_the_way_to_the_helper(plan):
    assert HostPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"session": "../x"},
        {"session": 7},
        {"tun": "eth0"},
        {"tun": 'kt0"; flush ruleset'},
        {"addresses": []},
        {"addresses": ["2001:2::1"]},
        {"addresses": ["198.18.0.1", "198.18.0.2"]},
        {"addresses": ["nonsense"]},
        {"networks": ["127.0.0.0/8"]},
        {"networks": ["0.0.0.0/0"]},
        {"networks": ["10.0.0.1/8"]},
        {"networks": ["10.0.0.1/32"] * 10_001},
        {"redirect_ports": [1]},
        {"redirect_ports": [70000, 0]},
        {"redirect_ports": ["1;", 0]},
        {"dns": {}},
        {"dns": {"mode": "own", "routed": [], "search": [], "hosts": None}},
        {"dns": {"mode": "none", "routed": ["a b"], "search": [], "hosts": None}},
        {"dns": {"mode": "none", "routed": [], "search": ["x\nnameserver 6.6.6.6"], "hosts": None}},
        {"dns": {"mode": "none", "routed": [], "search": [], "hosts": ["# Kt Hosts End"]}},
    ],
)
def test_root_does_not_take_a_plan_that_is_none_of_ours(change):
    with pytest.raises(HostError):
        HostPlan.from_json({**PLAN.to_json(), **change})


def test_a_plan_that_lacks_a_part_is_refused():
    fields = PLAN.to_json()
    del fields["tun"]
    with pytest.raises(HostError, match="tun"):
        HostPlan.from_json(fields)
