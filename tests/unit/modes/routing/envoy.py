"""Routers of a fake cluster: Pods that are ready, and admins that follow the ConfigMap."""

import json
from contextlib import asynccontextmanager

from ktconnect.errors import TunnelClosed
from ktconnect.modes.routing import envoys

CONFIG_MAP = "v1/ConfigMap"
NAME = "web-kt-router"


def router_pod(name="web-kt-router-1", *, ready=True, **metadata):
    """One of the router's Pods."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"kt-session": NAME},
            **metadata,
        },
        "spec": {"nodeName": "node1", "containers": []},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Admin:
    """What a router's Envoy tells: that it works by what the ConfigMap said when its Pod was
    touched last, as a node brings the files then."""

    def __init__(self, api, *, stubborn=False, touches=1):
        self.api = api
        self.stubborn = stubborn
        self.refuses = False
        self.touches = touches
        """So many words to the node until it listens."""
        self.drained = []
        self.callers = 0
        """Connections on which nothing is asked."""
        self.calls = 0
        """Others, on which something is."""
        self._heard = {}
        self._live = {}

    def install(self, monkeypatch):
        monkeypatch.setattr(envoys, "pod_http", self._open)
        return self

    @asynccontextmanager
    async def _open(self, cluster, namespace, pod, port):
        self._pod = pod
        yield self

    async def ask(self, method, target):
        pod = self._pod
        if ("v1/Pod", "shop", pod) not in self.api.objects:
            raise TunnelClosed("no such Pod")
        if method == "POST":
            self.drained.append(pod)
            return b"OK\n"
        if "downstream_(cx|rq)_active" in target:
            return _stats(self.active())
        return _stats(self._versions(pod))

    def active(self):
        """As Envoy 1.40 names them."""
        connections = self.callers + self.calls
        return {
            "http.admin.downstream_cx_active": 1,
            "http.admin.downstream_rq_active": 1,
            "http.port-80.downstream_cx_active": connections,
            "http.port-80.downstream_rq_active": self.calls,
            "listener.0.0.0.0_8080.downstream_cx_active": connections,
            "listener.0.0.0.0_8080.worker_0.downstream_cx_active": connections,
            "listener.admin.downstream_cx_active": 1,
        }

    def _versions(self, pod):
        notes = self.api.objects["v1/Pod", "shop", pod]["metadata"].get("annotations") or {}
        word = notes.get("kt-revision", "")
        if self._heard.get(pod, [""])[-1] != word:
            self._heard.setdefault(pod, []).append(word)
        files = self.api.objects[CONFIG_MAP, "shop", NAME]["data"]
        new = pod not in self._live
        if new or (len(self._heard.get(pod, [])) >= self.touches and not self.stubborn):
            self._live[pod] = files
        known = self._live[pod]
        version = known["lds.json"].partition('"version_info":"')[2].partition('"')[0]
        names = ["cluster_manager.cds", "listener_manager.lds"]
        names += [f"http.port-{n}.rds.port-{n}" for n in (80, 81)]
        told = {f"{name}.version_text": version for name in names}
        return {**told, "listener_manager.lds.update_rejected": int(self.refuses)}


def _stats(found):
    rows = [{"name": name, "value": value} for name, value in found.items()]
    return json.dumps({"stats": rows}).encode()
