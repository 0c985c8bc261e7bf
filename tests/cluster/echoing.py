"""The echo server of the playground, in a namespace that the tests of a module share."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from playground.cluster import Playground
from playground.testing import Deploy
from tests.cluster.namespaces import own_namespace

TCP, HTTP, UDP = 8081, 8080, 8080


@dataclass(frozen=True)
class Echo:
    """A Service and what it is called."""

    address: str
    name: str

    @property
    def orders(self) -> tuple[str, ...]:
        """For ``traffic``: ask it in every way, and keep two connections open."""
        return (
            f"http={self.address}:{HTTP}",
            f"udp={self.address}:{UDP}",
            f"flow={self.address}:{UDP}",
            f"name={self.name}",
            f"open={self.address}:{TCP}",
            f"idle={self.address}:{TCP}",
        )


def manifests(image: str, node: str) -> list[dict[str, object]]:
    labels = {"app": "echo"}
    container = {"name": "echo", "image": image}
    pod = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0}
    ports = [
        {"name": "tcp", "port": TCP},
        {"name": "http", "port": HTTP},
        {"name": "udp", "port": UDP, "protocol": "UDP"},
    ]
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "echo"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "echo"},
            "spec": {"selector": labels, "ports": ports},
        },
    ]


@contextlib.contextmanager
def echoing(cluster: Playground, node: str = "node1") -> Iterator[Echo]:
    """Runs for as long as the block, on one node that the tests leave alone."""
    with own_namespace(cluster, "e") as namespace:
        Deploy(cluster, namespace)(*manifests(cluster.state.images["echo"], node))
        service = cluster.get("service", "echo", f"--namespace={namespace}")
        domain = f"{namespace}.svc.cluster.local"
        yield Echo(service["spec"]["clusterIP"], f"echo.{domain}")
