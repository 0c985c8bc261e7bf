from ipaddress import ip_address as ip
from ipaddress import ip_network as net
from typing import Any

import pytest

from ktconnect.kube import facts
from ktconnect.kube.facts import Seen


def service(name: str, namespace: str = "demo", *ips: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}"}
    return {"metadata": metadata, "spec": {"clusterIPs": list(ips), **spec}}


def pod(*ips: str, host: bool = False) -> dict[str, Any]:
    return {
        "metadata": {"uid": str(ips)},
        "spec": {"hostNetwork": host} if host else {},
        "status": {"podIPs": [{"ip": each} for each in ips]},
    }


def node(address: str, *cidrs: str) -> dict[str, Any]:
    addresses = [
        {"type": "InternalIP", "address": address},
        {"type": "Hostname", "address": "n"},
    ]
    return {"spec": {"podCIDRs": list(cidrs)}, "status": {"addresses": addresses}}


def seen(*items: Any) -> Seen:
    return Seen({"all": {str(number): item for number, item in enumerate(items)}})


def test_what_the_cluster_tells_is_taken_as_it_is():
    found = seen(
        facts.service_cidr({"spec": {"cidrs": ["10.96.0.0/16", "fd00:96::/112"]}}),
        facts.node(node("10.0.0.1", "10.244.0.0/24", "fd00:244::/64")),
        facts.node(node("10.0.0.2", "10.244.1.0/24")),
        facts.service(service("web", "demo", "10.96.0.7")),
        facts.pod(pod("10.244.1.9")),
    ).facts()
    assert found.service_ranges == (net("10.96.0.0/16"), net("fd00:96::/112"))
    assert found.pod_ranges == (net("10.244.0.0/23"), net("fd00:244::/64"))
    assert found.node_addresses == (ip("10.0.0.1"), ip("10.0.0.2"))


def test_without_it_the_ranges_are_those_of_what_is_seen():
    found = seen(
        facts.service(service("a", "demo", "10.96.0.7")),
        facts.service(service("b", "demo", "10.96.0.9")),
        facts.pod(pod("10.244.1.9")),
        facts.pod(pod("10.244.2.9")),
    ).facts()
    assert found.service_ranges == (net("10.96.0.0/24"),)
    assert found.pod_ranges == (net("10.244.0.0/16"),)


def test_nodes_and_host_network_pods_are_in_no_range():
    found = seen(
        facts.node(node("10.0.0.4")),
        facts.pod(pod("10.0.0.4", host=True)),
        facts.pod(pod("10.0.0.6", host=True)),
        facts.pod(pod("10.0.0.5")),
        facts.pod(pod("10.0.0.7")),
    ).facts()
    assert found.node_addresses == (ip("10.0.0.4"), ip("10.0.0.6"))
    for address in found.node_addresses:
        assert not any(address in network for network in found.pod_ranges)
    assert any(ip("10.0.0.5") in network for network in found.pod_ranges)


def test_headless_services_and_external_names_have_names_but_no_address():
    found = seen(
        facts.service(service("headless", "demo", "None")),
        facts.service(service("outside", "demo", type="ExternalName", clusterIP="")),
    ).facts()
    assert found.services == (("headless", "demo"), ("outside", "demo"))
    assert found.service_ranges == ()


def test_the_dns_service_is_known_by_its_label():
    dns = service("rke2-coredns", "kube-system", "10.43.0.10")
    dns["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    assert seen(facts.service(dns)).facts().dns_addresses == (ip("10.43.0.10"),)


def test_namespaces_are_those_listed_else_those_of_services():
    some = facts.service(service("a", "demo"))
    assert seen(some).facts().namespaces == ("demo",)
    listed = facts.namespace({"metadata": {"name": "other"}})
    assert seen(some, listed).facts().namespaces == ("other",)


def test_old_single_fields_are_read_too():
    one = {"metadata": {"name": "a", "namespace": "b"}, "spec": {"clusterIP": "10.96.0.1"}}
    assert facts.service(one).addresses == (ip("10.96.0.1"),)
    assert facts.pod({"status": {"podIP": "10.1.1.1"}}).addresses == (ip("10.1.1.1"),)
    assert facts.node({"spec": {"podCIDR": "10.2.0.0/24"}}).pod_ranges == (net("10.2.0.0/24"),)
    assert facts.pod({}).addresses == ()


def test_addresses_of_endpoints_are_gathered():
    slices = [{"endpoints": [{"addresses": ["10.0.0.1", "10.0.0.2"]}, {}]}, {}]
    assert facts.slice_addresses(slices) == (ip("10.0.0.1"), ip("10.0.0.2"))


@pytest.mark.parametrize(
    ("corefile", "domain"),
    [
        (".:53 {\n  kubernetes cluster.local in-addr.arpa {\n  }\n}", "cluster.local"),
        ("  kubernetes my.zone. {", "my.zone"),
        ("  kubernetes in-addr.arpa {", ""),
        ("  forward . /etc/resolv.conf", ""),
        ("", ""),
    ],
)
def test_the_domain_is_read_from_coredns(corefile, domain):
    assert facts.domain_of(corefile) == domain
