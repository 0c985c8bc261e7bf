import asyncio
from ipaddress import ip_address as ip
from ipaddress import ip_network as net
from typing import Any

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Unreachable
from ktconnect.kube.client import Cluster
from ktconnect.kube.discover import discover, watch_facts
from ktconnect.kube.failures import Unauthorized


def made(kind: str, name: str, namespace: str = "", **parts: Any) -> dict[str, Any]:
    version, _, plain = kind.rpartition("/")
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    metadata["labels"] = parts.pop("labels", {})
    return {"apiVersion": version, "kind": plain, "metadata": metadata, **parts}


def service(name: str, namespace: str, address: str, **parts: Any) -> dict[str, Any]:
    return made("v1/Service", name, namespace, spec={"clusterIPs": [address]}, **parts)


def pod(name: str, namespace: str, address: str) -> dict[str, Any]:
    status = {"podIPs": [{"ip": address}]}
    return made("v1/Pod", name, namespace, spec={}, status=status)


@pytest.fixture
def furnished(api):
    api.put(service("web", "demo", "10.96.0.7"))
    labels = {"k8s-app": "kube-dns"}
    api.put(service("kube-dns", "kube-system", "10.96.0.10", labels=labels))
    api.put(pod("web-1", "demo", "10.244.1.5"))
    api.put(made("v1/Namespace", "demo"))
    addresses = {"addresses": [{"address": "10.0.0.1"}]}
    api.put(made("v1/Node", "n1", spec={"podCIDRs": ["10.244.1.0/24"]}, status=addresses))
    cidrs = {"cidrs": ["10.96.0.0/16"]}
    api.put(made("networking.k8s.io/v1/ServiceCIDR", "kubernetes", spec=cidrs))
    label = {"kubernetes.io/service-name": "kubernetes"}
    kind = "discovery.k8s.io/v1/EndpointSlice"
    endpoints = [{"addresses": ["10.0.0.9"]}]
    api.put(made(kind, "kubernetes", "default", labels=label, endpoints=endpoints))
    corefile = {"Corefile": "kubernetes cluster.local"}
    api.put(made("v1/ConfigMap", "coredns", "kube-system", data=corefile))
    return api


ALL = ("services", "pods", "nodes", "namespaces", "servicecidrs")


def deny_the_whole(api: FakeApi) -> None:
    for plural in ALL:
        api.denied.add(("list", plural, ""))
    api.denied |= {("list", "endpointslices", "default"), ("get", "configmaps", "kube-system")}


async def test_everything_is_found_with_all_rights(furnished, cluster):
    found = await discover(cluster, "demo")
    assert found.service_ranges == (net("10.96.0.0/16"),)
    assert found.pod_ranges == (net("10.244.1.0/24"),)
    assert found.node_addresses == (ip("10.0.0.1"),)
    assert found.dns_addresses == (ip("10.96.0.10"),)
    assert found.server_addresses == (ip("127.0.0.1"), ip("10.0.0.9"))
    assert found.services == (("web", "demo"), ("kube-dns", "kube-system"))
    assert found.cluster_domain == "cluster.local"
    assert (found.limited_to_namespace, found.missing_rights) == (False, ())


async def test_with_the_rights_of_one_namespace_it_is_that_namespaces_ranges(furnished, cluster):
    deny_the_whole(furnished)
    found = await discover(cluster, "demo")
    assert found.service_ranges == (net("10.96.0.7/32"),)
    assert found.pod_ranges == (net("10.244.1.5/32"),)
    assert found.services == (("web", "demo"),)
    assert found.namespaces == ("demo",)
    assert found.server_addresses == (ip("127.0.0.1"),)
    assert found.limited_to_namespace
    assert {right.resource for right in found.missing_rights} == set(ALL)


async def test_with_no_rights_at_all_it_is_empty_but_no_error(furnished, cluster):
    deny_the_whole(furnished)
    furnished.denied |= {("list", plural, "demo") for plural in ("services", "pods")}
    found = await discover(cluster, "demo")
    assert (found.service_ranges, found.pod_ranges, found.services) == ((), (), ())
    assert ("list", "", "pods", "demo") in found.missing_rights


async def test_an_older_server_without_service_cidrs_is_no_missing_right(furnished, cluster):
    furnished.routes["/apis/networking.k8s.io/v1/servicecidrs"] = lambda asked: Answer(404, b"404")
    found = await discover(cluster, "demo")
    assert found.service_ranges == (net("10.96.0.0/24"),)
    assert found.missing_rights == ()


async def test_expired_credentials_are_not_taken_for_missing_rights(furnished, cluster):
    furnished.token = "other"
    with pytest.raises(Unauthorized):
        await discover(cluster, "demo")


async def test_a_server_that_is_gone_is_unreachable(furnished, cluster):
    furnished.next_answers = [Answer(500, {"message": "etcd is down"})] * 20
    with pytest.raises(Unreachable, match="etcd is down"):
        await discover(cluster, "demo")


async def test_a_proxy_on_the_way_is_never_routed_either(furnished):
    config = furnished.config(server="http://198.51.100.7", proxy_url=furnished.url)
    async with Cluster(config) as cluster:
        found = await discover(cluster, "demo")
    assert found.server_addresses == (ip("198.51.100.7"), ip("127.0.0.1"), ip("10.0.0.9"))


async def test_changes_lead_to_new_facts(furnished, cluster):
    async with watch_facts(cluster, "demo") as changes:
        first = await anext(changes)
        await furnished.watched(4)
        furnished.put(service("new", "demo", "10.96.0.8"))
        furnished.remove("v1/Service", "web", "demo")
        furnished.put(service("far", "demo", "10.99.0.8"))
        second = await anext(changes)
    assert first.services == (("web", "demo"), ("kube-dns", "kube-system"))
    assert second.services == (("far", "demo"), ("new", "demo"), ("kube-dns", "kube-system"))
    assert second.service_ranges == (net("10.96.0.0/16"), net("10.99.0.8/32"))


async def test_what_vanished_between_list_and_watch_is_noticed(furnished, cluster):
    async with watch_facts(cluster, "demo") as changes:
        furnished.remove("v1/Service", "web", "demo")
        await anext(changes)
        assert (await anext(changes)).services == (("kube-dns", "kube-system"),)


async def test_in_one_namespace_pods_are_followed_too(furnished, cluster):
    deny_the_whole(furnished)
    async with watch_facts(cluster, "demo") as changes:
        await anext(changes)
        await furnished.watched(2)
        furnished.put(pod("web-2", "demo", "10.77.0.1"))
        assert net("10.77.0.1/32") in (await anext(changes)).pod_ranges


async def test_what_may_be_listed_but_not_watched_is_remembered(furnished, cluster):
    furnished.denied.add(("watch", "nodes", ""))
    async with watch_facts(cluster, "demo") as changes, asyncio.timeout(10):
        await anext(changes)
        second = await anext(changes)
    assert ("watch", "", "nodes", "") in second.missing_rights


async def test_credentials_that_end_while_watching_end_the_watch(furnished, cluster):
    async def watched_until_the_token_ends() -> None:
        async with watch_facts(cluster, "demo") as changes, asyncio.timeout(10):
            await anext(changes)
            await furnished.watched(4)
            furnished.token = "other"
            furnished.end_watches()
            await anext(changes)

    with pytest.raises(Unauthorized):
        await watched_until_the_token_ends()
