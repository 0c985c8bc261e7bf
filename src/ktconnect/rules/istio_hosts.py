"""Whose VirtualService says what becomes of a Service's requests inside the mesh.

For one host a sidecar goes by one VirtualService: one that names the host before one that means it
by a wildcard, and of several the oldest (Istio, "Traffic Management", and its source: virtual
services are sorted by age, and the first to claim a host has it).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

Manifest = Mapping[str, Any]
M = TypeVar("M", bound=Manifest)

MESH: Final = "mesh"


def host_fits(host: str, at: str, service: str, namespace: str) -> bool:
    """Whether a host in a rule of the namespace ``at`` is this Service's: short, with namespace,
    full in whatever domain the cluster has, or a wildcard."""
    if is_wildcard(host):
        return _below(host, service, namespace)
    name, dot, rest = host.lower().partition(".")
    if not dot:
        return (name, at) == (service, namespace)
    where, more, tail = rest.partition(".")
    return (name, where) == (service, namespace) and (not more or tail.split(".")[0] == "svc")


def is_wildcard(host: str) -> bool:
    """Whether it means many hosts."""
    return host.startswith("*")


def _below(host: str, service: str, namespace: str) -> bool:
    """``*``, ``*.local``, ``*.shop.svc.cluster.local``, ``*.shop.svc.corp.lan``."""
    tail = host[1:].lower().lstrip(".")
    stem = f"{namespace}.svc."
    if tail.startswith(stem) or not tail:
        return True
    return tail in ("svc.cluster.local", "cluster.local", "local") or (
        tail.startswith("svc.") and len(tail) > len("svc.")
    )


def is_in_mesh(rule: Manifest) -> bool:
    """Whether sidecars hear it: without gateways they do, else only if ``mesh`` is among them."""
    return MESH in (rule["spec"].get("gateways") or [MESH])


def is_seen_in(rule: Manifest, namespace: str) -> bool:
    """Whether callers of this namespace hear it (``exportTo``)."""
    to = rule["spec"].get("exportTo") or ["*"]
    own = rule["metadata"]["namespace"] == namespace
    return "*" in to or namespace in to or (own and "." in to)


def governing(rules: Iterable[M], service: str, namespace: str) -> M | None:
    """The VirtualService that decides for callers in the Service's own namespace."""
    found = [
        (rank, each)
        for each in rules
        if is_in_mesh(each)
        and is_seen_in(each, namespace)
        and (rank := _rank(each, service, namespace))
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _rank(rule: Manifest, service: str, namespace: str) -> tuple[Any, ...]:
    """Lower comes first; () if it is not for this Service."""
    metadata = rule["metadata"]
    hosts = [
        host
        for host in rule["spec"].get("hosts") or ()
        if host_fits(host, metadata["namespace"], service, namespace)
    ]
    if not hosts:
        return ()
    named = any(not is_wildcard(host) for host in hosts)
    return (
        not named,
        0 if named else -max(map(len, hosts)),
        "*" in (rule["spec"].get("exportTo") or ["*"]),
        metadata.get("creationTimestamp") or "",
        f"{metadata['name']}.{metadata['namespace']}",
    )


def through_gateways(rules: Iterable[Manifest], service: str, namespace: str) -> tuple[str, ...]:
    """The gateways that lead callers to this Service by rules that sidecars do not hear."""
    found = [
        gateway
        for each in rules
        if not is_in_mesh(each) and _leads_to(each, service, namespace)
        for gateway in each["spec"]["gateways"]
    ]
    return tuple(dict.fromkeys(found))


def _leads_to(rule: Manifest, service: str, namespace: str) -> bool:
    ways = [way for block in rule["spec"].get("http") or () for way in block.get("route") or ()]
    at = rule["metadata"]["namespace"]
    return any(host_fits(way["destination"]["host"], at, service, namespace) for way in ways)


def other_hosts(rule: Manifest, service: str, namespace: str) -> bool:
    """Whether it is for other hosts too, so that a rule in it must say which it means."""
    at = rule["metadata"]["namespace"]
    hosts = rule["spec"].get("hosts") or ()
    return any(is_wildcard(h) or not host_fits(h, at, service, namespace) for h in hosts)


def authority(service: str, namespace: str, address: str = "") -> str:
    """A regular expression that fits every way in which a caller may name the Service.

    ``address``: its cluster IP, by which some call it.
    """
    name = rf"{re.escape(service)}(\.{re.escape(namespace)}(\.svc(\.[a-z0-9.-]+)?)?)?"
    known = address not in ("", "None")
    bracketed = f"[{address}]" if ":" in address else address
    either = f"({name}|{re.escape(bracketed)})" if known else name
    return rf"{either}(:[0-9]+)?"
