"""A cluster with one Service, and a spec that changes nothing of this machine."""

from contextlib import asynccontextmanager

from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.kube.client import Cluster
from ktconnect.kube.facts import ClusterFacts
from ktconnect.modes.connect.view import View
from ktconnect.modes.spec import ClusterSpec, ConnectSpec

SPEC = ConnectSpec(
    cluster=ClusterSpec(pod_creation_timeout=0.3, port_forward_timeout=1.0),
    disable_tun_device=True,
    proxy_port=0,
)
VIEW = View(SPEC, "demo", "cluster.local", ClusterFacts())


@asynccontextmanager
async def in_cluster():
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        api.now = 1_790_000_000.0
        for name in ("default", "demo"):
            api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        api.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web", "namespace": "demo"},
                "spec": {"clusterIP": "127.0.0.1", "clusterIPs": ["127.0.0.1"]},
            }
        )
        yield api, cluster, Remembering()
