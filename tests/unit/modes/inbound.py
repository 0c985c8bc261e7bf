"""A Service of a fake cluster, a session for its callers, and a tunnel of paper."""

from contextlib import asynccontextmanager

from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.kube.client import Cluster
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import LEASE, Session
from ktconnect.sessions.lease import SessionLease
from ktconnect.tunnel.reach import NotReached
from ktconnect.wire.target import Target

NOW = 1_790_000_000.0
SERVICE = "v1/Service"
SLICE = "discovery.k8s.io/v1/EndpointSlice"
AGENT = "web-kt-exchange-abcde"
HERE = Target("tcp", "127.0.0.1", 9000)
WEB = PortMap("tcp", 80, 8080, name="http", service_name="http", target=HERE)
ADMIN = PortMap("tcp", 81, 8081)
DNS = PortMap("udp", 53, 5353, target=Target("udp", "127.0.0.1", 5300))
PLAN = InboundPlan(
    "exchange",
    Session("kt-exchange-web", "shop", "shadow-exchange", "ann@laptop"),
    Session(AGENT, "shop", "shadow-exchange", "ann@laptop"),
    "web",
    (WEB, ADMIN),
)


def service(selector=None, ports=None, **spec):
    """The Service ``web`` of the namespace ``shop``."""
    given = ports or [
        {"name": "http", "port": 80, "targetPort": "http"},
        {"name": "admin", "port": 81, "targetPort": 8081},
    ]
    found = {"app": "web"} if selector is None else selector
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": found, "ports": given, "clusterIP": "10.96.0.7", **spec},
    }


def slice_of(name, *addresses, ready=True):
    """An EndpointSlice of the Service ``name``."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": name},
        },
        "endpoints": [{"addresses": [ip], "conditions": {"ready": ready}} for ip in addresses],
    }


@asynccontextmanager
async def in_shop(**spec):
    """The cluster with that Service; yields its API server, a client, and a reporter."""
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        api.now = NOW
        api.put(service(**spec))
        yield api, cluster, Remembering()


async def announced(cluster, way=None, plan=PLAN):
    """The session's Lease, made; with the journal of its way."""
    lease = SessionLease(cluster, plan.session, {"mode": plan.mode})
    await lease.create(way.journal if way else ())
    return lease


def selector(api):
    return api.objects[SERVICE, "shop", "web"]["spec"]["selector"]


def journal(api):
    """The journal that stands on the Lease, as text."""
    return api.objects[LEASE, "shop", "kt-exchange-web"]["metadata"]["annotations"]["kt-journal"]


class Asked:
    """A tunnel whose agent reaches what it is told to; everything else gives ``errno``."""

    def __init__(self, reached=(), errno=111, then=None):
        self.reached, self.errno, self.then = set(reached), errno, then
        self.asked: list[str] = []

    async def reach(self, target, limit=1.0, hold=None):
        self.asked.append(str(target))
        if str(target) not in self.reached:
            raise NotReached(target, self.errno)
        if self.then is not None:
            self.then()
        if hold is not None:
            await hold
        return 0.001
