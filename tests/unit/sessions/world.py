"""A fake API server with a Service that a session has taken."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from tests.unit.kube.fakeapi import FakeApi

from ktconnect.apply.change import Entry
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import LEASE, Session, lease

NOW = 1_790_000_000.0
MOMENT = datetime.fromtimestamp(NOW, UTC)
SERVICE = "v1/Service"
BEFORE, OURS = {"app": "web"}, {"kt-session": "web-kt-exchange-abcde"}


def selector_key(name="web"):
    return f"{SERVICE}/demo/{name}#/spec/selector"


def entry(name="web", before=BEFORE, after=OURS):
    return Entry("kube", selector_key(name), before, after)


def put_service(api, name="web", selector=OURS, **metadata):
    metadata = {"name": name, "namespace": "demo", **metadata}
    spec = {"selector": selector, "ports": [{"port": 80, "targetPort": 8080}]}
    return api.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def put_lease(api, age, name="kt-exchange-web", journal=None, holder="ann@laptop"):
    """A Lease renewed ``age`` seconds ago."""
    session = Session(name, "demo", "shadow-exchange", holder)
    config = {"mode": "exchange", "target": "service/web"}
    entries = [entry()] if journal is None else journal
    return api.put(lease(session, MOMENT - timedelta(seconds=age), config, entries))


def selector(api, name="web"):
    return api.objects[SERVICE, "demo", name]["spec"]["selector"]


def leases(api):
    return [name for kind, _, name in api.objects if kind == LEASE]


@asynccontextmanager
async def in_cluster():
    api = FakeApi()
    api.now = NOW
    async with api.serving(), Cluster(api.config()) as cluster:
        yield api, cluster
