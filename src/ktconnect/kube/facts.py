"""What a cluster is like, as far as connecting to it needs to know. Pure: manifests to facts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ktconnect.networks import Address, host_network, subtract

from .paths import Manifest
from .ranges import Ranges, addresses, completed, networks
from .rights import Right

DNS_LABEL = ("k8s-app", "kube-dns")


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """The cluster's networks and names.

    ``limited_to_namespace``: only one namespace could be looked at, so ranges and names are its
    own. ``missing_rights``: what was not allowed, each of which made the facts poorer.
    ``server_addresses``: the API server, and a proxy on the way to it; never to be routed.
    ``node_addresses``: of nodes and host-network Pods; in no range.
    ``cluster_domain``: "" when it could not be read.
    ``headless``: those of ``services`` whose Pods have names of their own.
    """

    service_ranges: Ranges = ()
    pod_ranges: Ranges = ()
    node_addresses: tuple[Address, ...] = ()
    dns_addresses: tuple[Address, ...] = ()
    cluster_domain: str = ""
    namespaces: tuple[str, ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    headless: tuple[tuple[str, str], ...] = ()
    server_addresses: tuple[Address, ...] = ()
    limited_to_namespace: bool = False
    missing_rights: tuple[Right, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """What matters of one Service."""

    name: str
    namespace: str
    addresses: tuple[Address, ...]
    is_dns: bool
    is_headless: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """What matters of one node."""

    addresses: tuple[Address, ...]
    pod_ranges: Ranges


@dataclass(frozen=True, slots=True)
class Pod:
    """What matters of one Pod: its addresses, which on the host's network are the node's."""

    addresses: tuple[Address, ...]
    on_host: bool


@dataclass(frozen=True, slots=True)
class Named:
    """Just a name, of a namespace."""

    name: str


@dataclass(frozen=True, slots=True)
class Told:
    """Ranges that the cluster itself names, of a ServiceCIDR."""

    ranges: Ranges


Item = Service | Node | Pod | Named | Told


def service(manifest: Manifest) -> Service:
    spec, metadata = manifest.get("spec") or {}, manifest["metadata"]
    texts = spec.get("clusterIPs") or [spec.get("clusterIP")]
    key, value = DNS_LABEL
    return Service(
        metadata["name"],
        metadata["namespace"],
        addresses(texts) if spec.get("type") != "ExternalName" else (),
        (metadata.get("labels") or {}).get(key) == value,
        is_headless=spec.get("clusterIP") == "None",
    )


def node(manifest: Manifest) -> Node:
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    cidrs = spec.get("podCIDRs") or [spec.get("podCIDR")]
    texts = (entry.get("address") for entry in status.get("addresses") or ())
    return Node(addresses(texts), networks(cidr for cidr in cidrs if cidr))


def pod(manifest: Manifest) -> Pod:
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    texts = [entry.get("ip") for entry in status.get("podIPs") or ()] or [status.get("podIP")]
    return Pod(addresses(texts), spec.get("hostNetwork") is True)


def namespace(manifest: Manifest) -> Named:
    return Named(manifest["metadata"]["name"])


def service_cidr(manifest: Manifest) -> Told:
    return Told(networks((manifest.get("spec") or {}).get("cidrs") or ()))


def slice_addresses(slices: Iterable[Manifest]) -> tuple[Address, ...]:
    """Addresses in EndpointSlices."""
    endpoints = (endpoint for each in slices for endpoint in each.get("endpoints") or ())
    return addresses(text for endpoint in endpoints for text in endpoint.get("addresses") or ())


def domain_of(corefile: str) -> str:
    """The cluster's domain in CoreDNS' configuration: first zone of its ``kubernetes`` plugin."""
    found = re.search(r"^\s*kubernetes\s+([a-z0-9][a-z0-9.-]*)", corefile, re.MULTILINE)
    domain = found[1].rstrip(".") if found else ""
    return "" if domain.endswith(".arpa") else domain


@dataclass(slots=True)
class Seen:
    """Everything that was looked at, by kind and UID; kept up to date by a watch."""

    items: dict[str, dict[str, Item]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def facts(self) -> ClusterFacts:
        """The facts that follow from it."""
        services = sorted(self._of(Service), key=lambda each: (each.namespace, each.name))
        outside = self._host_addresses()
        service_ips = [address for each in services for address in each.addresses]
        told = [network for each in self._of(Told) for network in each.ranges]
        return ClusterFacts(
            service_ranges=subtract(completed(told, service_ips), map(host_network, outside)),
            pod_ranges=self._pod_ranges(outside),
            node_addresses=outside,
            dns_addresses=tuple(ip for each in services if each.is_dns for ip in each.addresses),
            namespaces=self._namespaces(services),
            services=tuple((each.name, each.namespace) for each in services),
            headless=tuple((each.name, each.namespace) for each in services if each.is_headless),
            **self.fixed,
        )

    def _of(self, kind: type[Any]) -> list[Any]:
        every = (item for items in self.items.values() for item in items.values())
        return [item for item in every if isinstance(item, kind)]

    def _host_addresses(self) -> tuple[Address, ...]:
        found = {address for each in self._of(Node) for address in each.addresses}
        found |= {ip for each in self._of(Pod) if each.on_host for ip in each.addresses}
        return tuple(sorted(found, key=lambda address: (address.version, int(address))))

    def _pod_ranges(self, outside: tuple[Address, ...]) -> Ranges:
        told = [network for each in self._of(Node) for network in each.pod_ranges]
        seen = [ip for each in self._of(Pod) if not each.on_host for ip in each.addresses]
        ranges = completed(told, [ip for ip in seen if ip not in outside])
        return subtract(ranges, map(host_network, outside))

    def _namespaces(self, services: Iterable[Service]) -> tuple[str, ...]:
        listed = {each.name for each in self._of(Named)}
        return tuple(sorted(listed or {each.namespace for each in services}))
