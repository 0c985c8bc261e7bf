from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ktconnect.errors import HostError
from ktconnect.host.laptop import LaptopNetworks, Resolver, Route
from ktconnect.host.plan import DnsPlan
from ktconnect.kube.facts import ClusterFacts
from ktconnect.modes.connect.view import Hosts, View, hosts_lines, reverse_suffix
from ktconnect.modes.spec import ClusterSpec, ConnectSpec, DnsSpec

SERVICES, PODS, PODS6 = map(ip_network, ("10.96.0.0/16", "10.244.0.0/16", "fd00:10:244::/56"))
FACTS = ClusterFacts(
    service_ranges=(SERVICES,),
    pod_ranges=(PODS, PODS6),
    node_addresses=(ip_address("10.213.0.11"),),
    server_addresses=(ip_address("10.96.0.1"),),
    namespaces=("shop", "dev"),
    services=(("web", "shop"), ("db", "dev")),
    headless=(("db", "dev"),),
)
CORP = Resolver("resolv.conf", ("192.168.1.1",), ("corp.example",))
LAPTOP = LaptopNetworks(
    interfaces=("lo", "eth0"),
    addresses=(ip_address("192.168.1.7"),),
    routes=(Route(ip_network("0.0.0.0/0"), "eth0"), Route(ip_network("192.168.1.0/24"), "eth0")),
    resolver=CORP,
)


def view(**flags):
    return View(ConnectSpec(**flags), "shop", "cluster.local", FACTS, LAPTOP)


def resolved(**flags):
    laptop = replace(LAPTOP, resolver=replace(CORP, kind="systemd-resolved"))
    return replace(view(**flags), laptop=laptop)


def networks(of):
    return [str(network) for network in of.host_plan("abcde", (1, 2)).networks]


def test_all_ranges_of_the_cluster_go_to_it_but_never_the_api_server():
    found = networks(view())
    assert "10.244.0.0/16" in found
    assert "fd00:10:244::/56" in found
    assert not any(ip_address("10.96.0.1") in ip_network(text) for text in found)


def test_pod_ranges_stay_out_when_asked():
    assert view(disable_pod_ip=True).ranges == (SERVICES,)


@pytest.mark.parametrize(("version", "ranges"), [(4, (SERVICES, PODS)), (6, (PODS6,))])
def test_one_ip_version_alone_can_be_asked_for(version, ranges):
    assert view(cluster=ClusterSpec(ip_version=version)).ranges == ranges


def test_includes_and_excludes_are_exact():
    one = ip_network("172.16.5.0/24")
    found = networks(view(include=(one,), exclude=(PODS, SERVICES, PODS6)))
    assert found == ["172.16.5.0/24"]


def test_an_api_server_is_included_in_vain():
    near, server = ip_network("10.96.0.0/30"), ip_network("10.96.0.1/32")
    assert view(include=(near, server)).included_in_vain == (server,)


def test_without_routes_there_is_a_device_and_nothing_more():
    assert networks(view(disable_tun_route=True)) == []


def test_an_overlap_with_the_laptop_is_found_in_the_plan():
    near = replace(LAPTOP, routes=(Route(ip_network("10.244.3.0/24"), "tun0"),))
    with pytest.raises(HostError, match="tun0"):
        replace(view(), laptop=near).host_plan("abcde", (1, 2))


def test_the_zone_knows_services_and_what_the_laptop_appends():
    zone = view(include_domains=("corp.internal",)).zone()
    assert ("web", "shop") in zone.services
    assert zone.headless == {("db", "dev")}
    assert zone.strip == ("corp.example",)
    assert zone.suffixes == ("corp.internal",)
    assert zone.order == ()


def test_hosts_of_ingresses_get_the_address_that_was_given():
    found = replace(view(ingress_ip="10.9.9.9"), hosts=Hosts(ingress=("shop.example",)))
    assert found.zone().overrides == (("shop.example", ip_address("10.9.9.9")),)
    assert replace(found, spec=ConnectSpec()).zone().overrides == ()


def test_an_order_of_servers_and_pod_dns_replace_the_split_by_name():
    ordered = view(dns=DnsSpec("localDNS", order="upstream,cluster"))
    assert ordered.zone().order == ("udp:192.168.1.1:53", "cluster")
    assert view(dns=DnsSpec("podDNS")).zone().order == ("cluster",)


@pytest.mark.parametrize(
    ("found", "plan"),
    [
        (view(dns=DnsSpec("none")), DnsPlan()),
        (view(), DnsPlan("resolv.conf")),
        (
            view(dns=DnsSpec("podDNS")),
            DnsPlan(
                "resolv.conf",
                search=("shop.svc.cluster.local", "svc.cluster.local", "cluster.local"),
            ),
        ),
        (
            replace(view(dns=DnsSpec("hosts")), hosts=Hosts(lines=("10.96.0.7 web",))),
            DnsPlan(hosts=("10.96.0.7 web",)),
        ),
    ],
)
def test_names_get_to_us_as_the_flags_say(found, plan):
    assert found.dns_plan() == plan


def test_systemd_resolved_asks_us_for_the_clusters_names_and_no_others():
    plan = resolved(include_domains=("corp.internal",)).dns_plan()
    assert plan.mode == "systemd-resolved"
    assert set(plan.routed) == {
        "cluster.local",
        "svc",
        "corp.internal",
        "shop",
        "dev",
        "96.10.in-addr.arpa",
        "244.10.in-addr.arpa",
        reverse_suffix(PODS6),
    }


def test_systemd_resolved_asks_us_for_everything_when_the_order_is_the_users():
    assert resolved(dns=DnsSpec("localDNS", order="cluster,upstream")).dns_plan().routed == ("~.",)
    assert resolved(dns=DnsSpec("podDNS")).dns_plan().routed == ("~.",)


@pytest.mark.parametrize(
    ("network", "suffix"),
    [
        ("10.96.0.0/16", "96.10.in-addr.arpa"),
        ("10.96.0.0/12", "10.in-addr.arpa"),
        ("10.1.2.3/32", "3.2.1.10.in-addr.arpa"),
        ("fd00:10:96::/112", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa"),
    ],
)
def test_reverse_names_cover_the_network_whole(network, suffix):
    assert reverse_suffix(ip_network(network)) == suffix


@pytest.mark.parametrize(
    ("host", "to_cluster"),
    [
        ("10.244.3.4", True),
        ("192.168.1.1", False),
        ("web", True),
        ("Web.Shop.", True),
        ("web.shop.svc.cluster.local", True),
        ("example.com", False),
        ("example.dev", False),
    ],
)
def test_the_proxy_sends_to_the_cluster_what_is_the_clusters(host, to_cluster):
    assert replace(view(), laptop=None).goes_to_cluster(host) is to_cluster


def test_lines_of_the_hosts_file_have_the_address_first():
    assert hosts_lines([("10.0.0.1", ("a", "a.b"))]) == ("10.0.0.1 a a.b",)


def test_names_have_addresses_of_the_version_that_is_routed():
    assert view(cluster=ClusterSpec(ip_version=6)).zone().ip_version == 6
    assert view().zone().ip_version == 0
