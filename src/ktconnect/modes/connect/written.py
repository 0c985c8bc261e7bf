"""Names that are written down instead of asked for: the hosts file's, and those of Ingresses."""

from ktconnect.dns.hosts import hosts_entries
from ktconnect.kube.client import Cluster
from ktconnect.modes.spec import ConnectSpec

from .view import Hosts, View, hosts_lines

INGRESS = "networking.k8s.io/v1/Ingress"


async def written_names(cluster: Cluster, view: View) -> Hosts:
    """What the flags want written down. Raises: Forbidden, Unreachable."""
    lines = await _lines(cluster, view) if view.spec.dns.kind == "hosts" else ()
    return Hosts(lines, await _ingress_hosts(cluster, view.spec, view.namespace))


async def _lines(cluster: Cluster, view: View) -> tuple[str, ...]:
    namespaces = view.spec.dns.namespaces or tuple(view.facts.namespaces) or (view.namespace,)
    services, pods = [], []
    for namespace in namespaces:
        services += await cluster.list("v1/Service", namespace)
        pods += await cluster.list("v1/Pod", namespace)
    family = view.spec.cluster.ip_version
    entries = hosts_entries(services, pods, view.namespace, namespaces, view.domain, family)
    return hosts_lines(entries)


async def _ingress_hosts(cluster: Cluster, spec: ConnectSpec, namespace: str) -> tuple[str, ...]:
    if not spec.ingress_ip:
        return ()
    found = await cluster.list(INGRESS, namespace)
    rules = (rule for ingress in found for rule in ingress["spec"].get("rules") or ())
    return tuple(sorted({rule["host"] for rule in rules if rule.get("host")}))
