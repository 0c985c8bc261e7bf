"""What mesh tests share: a Service ``shop`` that speaks every protocol, and who calls it.

    with shop_world(cluster, namespace) as shop:             # Deployment, Service, a caller's Pod
        assert shop.caller.ask("http", "shop", 80).who == "shop"
        with polyglot_on_laptop(cluster, "ann") as ann:      # what ann develops
            …                                                # ktctl mesh shop --expose ann.expose
            found = shop.caller.ask("http", "shop", 80, headers={"VERSION": "ann"})
            assert found.who == "ann"
        with shop.caller.load("http", "shop", 80, workers=8) as load:
            …
            tally = load.stop()                              # who answered how often, failures

Ports of the Service: 80 ``http``, 8081 ``plain`` (HTTP that nobody declared), 8082 ``h2c``
(HTTP/2 without TLS, by appProtocol), 9090 ``grpc``, 7000 ``tcp-greeting`` (the server speaks
first), 7002 ``udp``.

With Istio: the fixture ``istio`` instead of ``cluster``, ``injected_namespace`` and
``in_mesh=True``; then ``shop.stranger`` calls from a Pod without a sidecar. Such a caller gets
nothing from port 7000 unless mTLS is off: the shop's sidecar waits to see whether the
caller speaks TLS, and the caller waits for the greeting.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playground.cluster import Playground
from playground.testing import Deploy
from tests.cluster.namespaces import own_namespace
from tests.cluster.polyglots import Caller, calling_in_pod, image_of

Manifest = dict[str, Any]
INJECTED = {"istio-injection": "enabled"}

PORTS: list[Manifest] = [
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "plain", "port": 8081},
    {"name": "h2c", "port": 8082, "appProtocol": "kubernetes.io/h2c"},
    {"name": "grpc", "port": 9090},
    {"name": "tcp-greeting", "port": 7000},
    {"name": "udp", "port": 7002, "protocol": "UDP"},
]


def pod_spec(image: str, who: str, **container: Any) -> Manifest:
    """One container that runs the polyglot's image; ``who`` is what it says it is."""
    field = {"fieldRef": {"fieldPath": "metadata.name"}}
    environment = [{"name": "WHO", "value": who}, {"name": "POD_NAME", "valueFrom": field}]
    found = {"name": "polyglot", "image": image, "env": environment, **container}
    return {"containers": [found], "terminationGracePeriodSeconds": 1}


def deployment(image: str, name: str = "shop", replicas: int = 2) -> Manifest:
    labels = {"app": name}
    probe = {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1, "timeoutSeconds": 5}
    spec = pod_spec(image, name, readinessProbe=probe)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def service(name: str = "shop", **spec: Any) -> Manifest:
    """For the Pods of the Deployment of this name."""
    usual = {"selector": {"app": name}, "ports": PORTS}
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {**usual, **spec}}


def caller_pod(image: str, name: str = "caller", *, sidecar: bool = True) -> Manifest:
    """A Pod that only waits to be told whom to call. ``sidecar`` matters in a mesh alone."""
    labels = {"app": name, **({} if sidecar else {"sidecar.istio.io/inject": "false"})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": pod_spec(image, name, command=["sleep", "1000000"]),
    }


@dataclass(frozen=True)
class Shop:
    """The world, and a caller in it. ``stranger`` calls from a Pod without a sidecar; without a
    mesh it is the same one."""

    cluster: Playground
    namespace: str
    caller: Caller
    stranger: Caller

    def pods(self, selector: str = "app=shop") -> list[str]:
        """Names of Pods that are there and not about to go."""
        where = (f"--namespace={self.namespace}", f"--selector={selector}")
        found = self.cluster.get("pods", *where)["items"]
        kept = [pod["metadata"] for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(metadata["name"] for metadata in kept)


@contextlib.contextmanager
def shop_world(
    cluster: Playground, namespace: str, *, replicas: int = 2, in_mesh: bool = False
) -> Iterator[Shop]:
    """Make it in a namespace and wait until it answers; the namespace's owner removes it."""
    image = image_of(cluster)
    objects = [service(), deployment(image, replicas=replicas), caller_pod(image)]
    if in_mesh:
        objects.append(caller_pod(image, "stranger", sidecar=False))
    Deploy(cluster, namespace)(*objects)
    with contextlib.ExitStack() as stack:
        caller = stack.enter_context(calling_in_pod(cluster, namespace, "caller"))
        stranger = caller
        if in_mesh:
            stranger = stack.enter_context(calling_in_pod(cluster, namespace, "stranger"))
        yield Shop(cluster, namespace, caller, stranger)


@contextlib.contextmanager
def injected_namespace(cluster: Playground, kind: str = "m") -> Iterator[str]:
    """A namespace whose Pods get Istio's sidecar; use it with the fixture ``istio``."""
    with own_namespace(cluster, kind) as name:
        labels = [f"{key}={value}" for key, value in INJECTED.items()]
        cluster.kubectl("label", "namespace", name, *labels)
        yield name
