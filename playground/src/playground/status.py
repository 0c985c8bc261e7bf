"""What there is to know about a playground, for people and for machines."""

from typing import Any

from playground import build, line, machines, plan, router
from playground.access import Access
from playground.commands import output_of
from playground.errors import PlaygroundError
from playground.istio import install
from playground.laptop import USER, USER_ID
from playground.plan import Node


def status(site: Access) -> dict[str, Any]:
    """Everything as JSON can hold it. Raises: PlaygroundError if there is no such playground."""
    known = site.state
    return {
        "name": site.name,
        "state": _state(site),
        "server": site.plan.server,
        "kubeconfig": str(site.kubeconfig),
        "nodes": [_node(site, node) for node in site.plan.nodes],
        "ranges": {
            "pods": list(plan.POD_RANGES),
            "services": list(plan.SERVICE_RANGES),
            "nodes": list(plan.NODE_RANGES),
            "laptop": list(plan.LAPTOP_RANGES),
        },
        "dns": {"service": list(plan.DNS_SERVICE), "domain": "cluster.local"},
        "laptop": _laptop(site),
        "internet": _internet(),
        "line": {**vars(line.current(site)), "text": str(line.current(site))},
        "denials": known.denials,
        "images": known.images,
        "istio": install.status(site),
        "versions": versions(),
        "folder": str(site.folder.root),
        "components": {name: _units(site, name) for name in site.plan.machines},
    }


def _state(site: Access) -> str:
    if not site.folder.came_up.exists():
        return "interrupted"
    return "partial" if site.stopped_machines() else "up"


def _node(site: Access, node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "namespace": site.plan.namespace(node.name),
        "addresses": list(node.addresses),
        "pods": list(node.pod_ranges),
        "running": machines.is_running(site.folder.machine(node.name)),
        **_as_kubernetes_sees_it(site, node),
    }


def _as_kubernetes_sees_it(site: Access, node: Node) -> dict[str, Any]:
    try:
        found = site.get("node", node.name, "--request-timeout=3s")["status"]
    except PlaygroundError:
        return {"ready": False, "version": ""}
    conditions = {each["type"]: each["status"] for each in found.get("conditions", [])}
    version = found.get("nodeInfo", {}).get("kubeletVersion", "")
    return {"ready": conditions.get("Ready") == "True", "version": version}


def _laptop(site: Access) -> dict[str, Any]:
    return {
        "namespace": site.plan.namespace("laptop"),
        "addresses": list(plan.LAPTOP),
        "router": list(plan.ROUTER_ON_LAPTOP),
        "pid": machines.pid_of(site.folder.machine("laptop")),
        "user": {"name": USER, "number": USER_ID},
    }


def _internet() -> dict[str, Any]:
    return {
        "addresses": list(plan.INTERNET),
        "behind_cluster": list(plan.BEHIND_CLUSTER),
        "names": {name: list(both) for name, both in router.names().items()},
        "slow_name": router.SLOW_NAME,
    }


def versions() -> dict[str, str]:
    """Of the programs, as pinned in go.mod or as installed."""
    pinned = {"kubernetes": "k8s.io/kubernetes", "etcd": "go.etcd.io/etcd/server/v3"}
    pinned["coredns"] = "github.com/coredns/coredns"
    found = {name: build.KUBERNETES.version_of(module) for name, module in pinned.items()}
    for program in ("containerd", "runc"):
        words = output_of([program, "--version"]).split()
        found[program] = words[2] if len(words) > 2 else ""
    return found


def _units(site: Access, machine: str) -> dict[str, dict[str, int]]:
    return machines.units(site.folder.machine(machine))
