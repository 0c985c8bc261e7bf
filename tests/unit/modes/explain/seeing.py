"""A cluster with a Service ``web`` that a session ``ci`` shares, as `explain` reads it."""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tests.unit.kube.fakeanswers import Answer
from tests.unit.modes.inbound import NOW, in_shop

from ktconnect.modes.explain.seen import Seen
from ktconnect.modes.explain.spec import Asked, ExplainSpec, request_of
from ktconnect.modes.spec import ClusterSpec
from ktconnect.modes.targets import parse_target
from ktconnect.objects.session import Session
from ktconnect.sessions.lease import SessionLease

MOMENT = datetime.fromtimestamp(NOW, UTC)
ROUTE = {
    "kind": "mesh",
    "mark": "ci",
    "user": "ann@laptop",
    "matches": [[["header", "version", "exact", "ci"]]],
    "ports": [80],
}
VIRTUAL = "/apis/networking.istio.io/v1/virtualservices"


def pod(name, labels=None, *, containers=("web",), namespace="shop", args=(), **metadata):
    given = [{"name": each, "args": list(args)} for each in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}, **metadata},
        "spec": {"containers": given},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def service(name, selector=None, labels=None, notes=None, **spec):
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": labels or {},
            "annotations": notes or {},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"selector": selector or {}, "ports": ports, "clusterIP": "10.96.0.9", **spec},
    }


def slice_of(service, *pods, ready=True, number=8080):
    ends = [
        {"addresses": ["10.244.0.1"], "targetRef": {"name": each}, "conditions": {"ready": ready}}
        for each in pods
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-x",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service},
        },
        "ports": [{"name": "http", "port": number}],
        "endpoints": ends,
    }


SHARED = {"kt-role": "shadow-mesh", "kt-target": "web"}


def objects():
    """All that a router and one session leave in a namespace."""
    return [
        service("web", {"app": "web-kt-router"}),
        service("web-kt-origin", {"app": "web"}),
        service(
            "web-kt-mesh-ci", {"kt-session": "a"}, dict(SHARED), {"kt-route": json.dumps(ROUTE)}
        ),
        slice_of("web", "router-1"),
        slice_of("web-kt-origin", "web-1"),
        slice_of("web-kt-mesh-ci", "agent-1"),
        pod("web-1", {"app": "web"}),
        pod("router-1", {"kt-role": "router", "kt-session": "web-kt-router"}),
        pod("agent-1", {"kt-role": "shadow-mesh", "kt-session": "a"}),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "web-kt-router", "namespace": "shop"},
            "data": {"rds.json": '{"cluster": "web-kt-mesh-ci|80"}'},
        },
    ]


@asynccontextmanager
async def shared():
    """That cluster; yields its API server, a client, and a reporter."""
    async with in_shop() as (api, cluster, reporter):
        api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        for each in objects():
            api.put(each)
        session = Session("kt-mesh-web-ci", "shop", "shadow-mesh", "ann@laptop")
        config = {"mode": "mesh", "target": "service/web", "agent": "a"}
        await SessionLease(cluster, session, config).create()
        yield api, cluster, reporter


def seen(*found, **fields):
    """What was seen, by kind."""
    of = {kind: [each for each in found if each["kind"] == kind] for kind in KINDS}
    web = next((each for each in of["Service"] if each["metadata"]["name"] == "web"), None)
    return Seen(
        web or service("web", {"app": "web"}),
        MOMENT,
        of["Service"],
        of["EndpointSlice"],
        of["Pod"],
        **fields,
    )


KINDS = ("Service", "EndpointSlice", "Pod")


def spec(text="web", **asked):
    fields = {name: asked.pop(name) for name in ("port", "caller", "live") if name in asked}
    where = ClusterSpec(namespace="shop")
    return ExplainSpec(parse_target(text), request_of(Asked(**asked)), where, **fields)


def listed(*items):
    """An answer with a list of objects of a kind that the fake server does not know."""
    head = {"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualServiceList"}
    return lambda _: Answer(body={**head, "metadata": {}, "items": list(items)})
