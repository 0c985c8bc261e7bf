"""Arguments and configuration of the cluster's programs."""

from pathlib import Path

import yaml

from playground import kubernetes, runtime
from playground.plan import Node, Plan

PKI = Path("/pki")


def test_the_api_server_serves_both_families() -> None:
    flags = kubernetes.apiserver_flags(Plan("t", 1), PKI)
    assert "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112" in flags
    assert "--authorization-mode=Node,RBAC" in flags


def test_nodes_get_ranges_of_the_size_that_their_network_uses() -> None:
    flags = kubernetes.controller_flags(PKI)
    assert "--cluster-cidr=10.244.0.0/16,fd00:10:244::/56" in flags
    assert "--allocate-node-cidrs=true" in flags


def test_the_kubelet_uses_the_cgroup_it_is_given() -> None:
    config = yaml.safe_load(kubernetes.kubelet_config(PKI, "pg-t-node1"))
    assert config["cgroupRoot"] == "/pg-t-node1"
    assert config["clusterDNS"] == ["10.96.0.10"]


def test_kube_proxy_uses_nftables() -> None:
    config = yaml.safe_load(kubernetes.proxy_config(Node(2), PKI))
    assert (config["mode"], config["hostnameOverride"]) == ("nftables", "node2")


def test_pods_get_an_address_of_each_range_of_their_node() -> None:
    network = yaml.safe_load(runtime.pod_network(Node(1)))
    ranges = network["plugins"][0]["ipam"]["ranges"]
    assert ranges == [[{"subnet": subnet}] for subnet in Node(1).pod_ranges]


def test_containerd_needs_no_registry_for_its_pause_image() -> None:
    assert f'sandbox_image = "{runtime.PAUSE_IMAGE}"' in runtime.containerd_config()
