"""``--dnsMode hosts``: names for the hosts file, from Services and Pods as the API gives them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

Manifest = Mapping[str, Any]
Entry = tuple[str, tuple[str, ...]]
HEADLESS = "None"


def hosts_entries(
    services: Iterable[Manifest],
    pods: Sequence[Manifest],
    own_namespace: str,
    namespaces: Collection[str],
    cluster_domain: str,
    ip_version: int = 0,
) -> list[Entry]:
    """(address, names) of every Service in ``namespaces``, sorted by namespace and name.

    A headless Service gets the address of its first ready Pod, as a file can't name several.
    Services without an address (ExternalName, no ready Pod) are left out, and with ``ip_version``
    4 or 6 the addresses of the other family.
    """
    entries: list[Entry] = []
    for service in sorted(services, key=_place):
        namespace, name = _place(service)
        if namespace in namespaces:
            names = _names(name, namespace, own_namespace, cluster_domain)
            found = _addresses(service, pods, ip_version)
            entries += ((address, names) for address in found)
    return entries


def _place(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _names(name: str, namespace: str, own_namespace: str, domain: str) -> tuple[str, ...]:
    short = (name,) if namespace == own_namespace else ()
    return (*short, f"{name}.{namespace}", f"{name}.{namespace}.svc.{domain}")


def _addresses(service: Manifest, pods: Sequence[Manifest], ip_version: int) -> list[str]:
    spec = service["spec"]
    own = spec.get("clusterIPs") or [spec.get("clusterIP")]
    if own[0] != HEADLESS:
        return _of_family(filter(None, own), ip_version)
    ready = sorted((pod for pod in pods if _serves(pod, service)), key=_place)
    return next(filter(None, (_of_family(_pod_ips(pod), ip_version)[:1] for pod in ready)), [])


def _of_family(addresses: Iterable[str], ip_version: int) -> list[str]:
    return [one for one in addresses if ip_version in (0, ip_address(one).version)]


def _pod_ips(pod: Manifest) -> list[str]:
    status = pod["status"]
    return [one["ip"] for one in status.get("podIPs") or [{"ip": status["podIP"]}]]


def _serves(pod: Manifest, service: Manifest) -> bool:
    selector = service["spec"].get("selector") or {}
    labels = pod["metadata"].get("labels") or {}
    same_namespace = _place(pod)[0] == _place(service)[0]
    return bool(selector) and same_namespace and selector.items() <= labels.items() and _ready(pod)


def _ready(pod: Manifest) -> bool:
    status = pod.get("status") or {}
    conditions = status.get("conditions") or ()
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return is_ready and bool(status.get("podIP"))
