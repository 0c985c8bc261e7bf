"""A fake API server with a Service that a session has taken."""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from tests.unit.kube.fakeapi import FakeApi

from ktconnect.apply.change import Entry
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import LEASE, Session, lease
from ktconnect.sessions.shared_names import shared_name, shared_session

NOW = 1_790_000_000.0
MOMENT = datetime.fromtimestamp(NOW, UTC)
SERVICE = "v1/Service"
ROUTED = {"app": "web-kt-router"}
BEFORE, OURS = {"app": "web"}, {"kt-session": "web-kt-exchange-abcde"}


def selector_key(name="web"):
    return f"{SERVICE}/demo/{name}#/spec/selector"


def entry(name="web", before=BEFORE, after=OURS):
    return Entry("kube", selector_key(name), before, after)


def routed(before=BEFORE, after=ROUTED):
    """The step of all who share the Service."""
    return entry(before=before, after=after)


def put_service(api, name="web", selector=OURS, **metadata):
    metadata = {"name": name, "namespace": "demo", **metadata}
    spec = {"selector": selector, "ports": [{"port": 80, "targetPort": 8080}]}
    return api.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def put_lease(api, age, name="kt-exchange-web", journal=None, holder="ann@laptop", **config):
    """A Lease renewed ``age`` seconds ago."""
    session = Session(name, "demo", "shadow-exchange", holder)
    config = {"mode": "exchange", "target": "service/web", **config}
    entries = [entry()] if journal is None else journal
    return api.put(lease(session, MOMENT - timedelta(seconds=age), config, entries))


def put_router(api, age, journal=None):
    """The Lease that all have in common who mesh the Service; its selector leads to a router."""
    entries = [routed()] if journal is None else journal
    found = shared_session("web", "demo")
    config = {"mode": "router", "driver": "router", "target": "service/web"}
    return api.put(lease(found, MOMENT - timedelta(seconds=age), config, entries))


NOTE = json.dumps({"kind": "mesh", "mark": "ci", "user": "x", "matches": [], "ports": [80]})
LEAVING = NOTE.replace("}", ', "leaving": true}')


def put_share(api, who):
    """The Service of one who meshes, which leads to their agent, and carries what they take."""
    share = f"web-kt-mesh-{who}"
    spec = {"selector": {"kt-session": f"{share}-abcde"}, "ports": [{"port": 80}]}
    metadata = {"name": share, "namespace": "demo", "annotations": {"kt-route": NOTE}}
    return api.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def note_of(api, who):
    return api.objects[SERVICE, "demo", f"web-kt-mesh-{who}"]["metadata"]["annotations"]["kt-route"]


def put_user(api, age, who):
    """A session that meshes the Service, with its share."""
    put_share(api, who)
    key = f"{SERVICE}/demo/web-kt-mesh-{who}#/metadata/annotations/kt-route"
    return put_lease(
        api,
        age,
        f"kt-mesh-web-{who}",
        [Entry("kube", key, LEAVING, NOTE)],
        f"{who}@laptop",
        mode="mesh",
        shared=shared_name("web"),
        mark=who,
    )


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
