from ipaddress import ip_network

import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.spec import (
    ConnectSpec,
    DnsSpec,
    parse_address,
    parse_domains,
    parse_namespace,
    parse_networks,
    parse_pairs,
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("localDNS", DnsSpec("localDNS")),
        ("localdns:upstream, cluster", DnsSpec("localDNS", order="upstream,cluster")),
        ("hosts", DnsSpec("hosts")),
        ("hosts:a,b", DnsSpec("hosts", namespaces=("a", "b"))),
        ("podDNS", DnsSpec("podDNS")),
        ("none", DnsSpec("none")),
    ],
)
def test_dns_modes_of_the_original_are_understood(text, spec):
    assert DnsSpec.parse(text) == spec


@pytest.mark.parametrize(
    "text", ["", "local", "podDNS:x", "hosts:No_Ns", "none:x", "localDNS:none.such"]
)
def test_other_dns_modes_are_refused(text):
    with pytest.raises(UsageError):
        DnsSpec.parse(text)


def test_ranges_and_single_addresses_of_both_families_are_networks():
    assert parse_networks("10.1.0.0/16, fd00::/64,1.2.3.4", "--includeIps") == (
        ip_network("10.1.0.0/16"),
        ip_network("fd00::/64"),
        ip_network("1.2.3.4/32"),
    )


@pytest.mark.parametrize("text", ["10.1.0.1/16", "300.1.1.1", "10.0.0.0/33", "web"])
def test_a_range_that_cannot_be_meant_names_the_flag(text):
    with pytest.raises(UsageError, match="--excludeIps"):
        parse_networks(text, "--excludeIps")


def test_names_of_namespaces_follow_rfc_1123():
    assert parse_namespace("team-1") == "team-1"
    assert parse_namespace("") == ""
    for bad in ("Team", "-a", "a" * 64, "a.b"):
        with pytest.raises(UsageError):
            parse_namespace(bad)


def test_domains_lose_their_dots_and_case():
    assert parse_domains(".Corp.Local., svc.other", "--x") == ("corp.local", "svc.other")
    with pytest.raises(UsageError):
        parse_domains("a..b", "--x")


def test_addresses_may_wear_brackets():
    assert parse_address("[::1]", "--proxyAddr") == "::1"
    with pytest.raises(UsageError):
        parse_address("localhost", "--proxyAddr")


def test_pairs_for_annotations_may_hold_what_labels_may_not():
    assert parse_pairs("a=b,x/y=", "--withLabel") == (("a", "b"), ("x/y", ""))
    assert parse_pairs("a=b c", "--withAnnotation", label=False) == (("a", "b c"),)
    for bad in ("a", "a=b c", "=b", "a=" + "b" * 64):
        with pytest.raises(UsageError):
            parse_pairs(bad, "--withLabel")


@pytest.mark.parametrize(
    "flags",
    [
        {"disable_tun_device": True, "forwarded": True},
        {"disable_tun_device": True, "disable_tun_route": True},
        {"proxy_addr": "0.0.0.0"},
        {
            "include": parse_networks("10.1.2.0/24", ""),
            "exclude": parse_networks("10.1.0.0/16", ""),
        },
    ],
)
def test_flags_that_exclude_each_other_are_refused(flags):
    with pytest.raises(UsageError, match="--"):
        ConnectSpec(**flags)


@pytest.mark.parametrize("text", ["127.0.0.0/8", "169.254.1.1", "224.0.0.0/4", "::1", "fe80::/64"])
def test_what_can_not_be_behind_a_cluster_can_not_be_included(text):
    with pytest.raises(UsageError, match=f"--includeIps: {text}.* never"):
        ConnectSpec(include=parse_networks(text, "--includeIps"))


def test_a_range_may_be_included_but_for_a_part():
    wide, part = parse_networks("0.0.0.0/0,10.1.0.0/16", "--includeIps")
    assert ConnectSpec(include=(wide,), exclude=(part,)).include == (wide,)


def test_a_proxy_for_others_is_opened_when_it_is_all_there_is():
    assert ConnectSpec(disable_tun_device=True, proxy_addr="0.0.0.0").proxy_addr == "0.0.0.0"
