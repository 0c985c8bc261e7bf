"""What there is to reach: two namespaces of the cluster with Services of every kind."""

from dataclasses import dataclass, field
from typing import Any

from playground.cluster import Playground
from playground.plan import BEHIND_CLUSTER
from playground.testing import Deploy

Manifest = dict[str, Any]

WEB_PORTS = [
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "tcp", "port": 8081},
    {"name": "udp", "port": 8080, "protocol": "UDP"},
]


def echo_template(cluster: Playground, labels: dict[str, str]) -> Manifest:
    """A Pod's template that answers who it is: HTTP 8080, TCP 8081, UDP 8080."""
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    container = {
        "name": "echo",
        "image": cluster.state.images["echo"],
        "env": [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in fields.items()
        ],
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"metadata": {"labels": labels}, "spec": spec}


def workload(
    cluster: Playground, name: str, kind: str = "Deployment", replicas: int = 1
) -> Manifest:
    """Echo Pods of a Deployment, or of a StatefulSet with a Service of the same name."""
    labels = {"app": name}
    more = {"serviceName": name, "podManagementPolicy": "Parallel"} if kind == "StatefulSet" else {}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": echo_template(cluster, labels),
            **more,
        },
    }


def service(name: str, **spec: Any) -> Manifest:
    """A dual-stack Service for the echo Pods of the same name, unless ``spec`` says otherwise."""
    usual = {
        "selector": {"app": name},
        "ports": WEB_PORTS,
        "ipFamilyPolicy": "RequireDualStack",
    }
    found = {key: value for key, value in {**usual, **spec}.items() if value is not None}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": found}


def endpoint_slice(name: str, address: str, port: int) -> Manifest:
    """Where a Service without a selector leads."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [address]}],
    }


def manifests(cluster: Playground) -> list[Manifest]:
    """All that the first namespace has."""
    single = {"ipFamilyPolicy": "SingleStack"}
    http = [{"name": "http", "port": 80}]
    external = {"selector": None, "ports": None, "ipFamilyPolicy": None}
    return [
        service("web"),
        service("six", selector={"app": "web"}, ipFamilies=["IPv6"], **single),
        service("db", clusterIP="None"),
        service("outside", selector=None, ports=http),  # of both families, led on by IPv4 alone
        endpoint_slice("outside", BEHIND_CLUSTER[0], 80),
        service("ext", type="ExternalName", externalName="example.com", **external),
        workload(cluster, "db", "StatefulSet", replicas=2),
        workload(cluster, "web"),
    ]


@dataclass(frozen=True)
class World:
    """``namespace`` has everything, ``other`` a Service ``far``."""

    cluster: Playground
    namespace: str
    other: str
    pods: dict[str, tuple[str, str]] = field(default_factory=dict)
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def address(self, kind: str, name: str, family: int) -> str:
        """Of a Pod (by the start of its name) or a Service."""
        known: dict[str, Any] = self.pods if kind == "pod" else self.services
        found = next(known[key] for key in sorted(known) if key.startswith(name))
        return str(next(ip for ip in found if (":" in ip) == (family == 6)))


def make_world(cluster: Playground, namespace: str, other: str) -> World:
    """Fill two namespaces, and wait until all of it answers."""
    Deploy(cluster, other)(service("far"), workload(cluster, "far"), wait=False)
    Deploy(cluster, namespace)(*manifests(cluster))
    Deploy(cluster, other)(workload(cluster, "far"))
    pods = cluster.get("pods", f"--namespace={namespace}")["items"]
    services = cluster.get("services", f"--namespace={namespace}")["items"]
    return World(
        cluster,
        namespace,
        other,
        {
            pod["metadata"]["name"]: tuple(each["ip"] for each in pod["status"]["podIPs"])
            for pod in pods
        },
        {each["metadata"]["name"]: tuple(each["spec"].get("clusterIPs", ())) for each in services},
    )
