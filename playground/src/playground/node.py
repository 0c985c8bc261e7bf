"""The machine that a node is: its mounts, files and programs. Pure."""

import sys
from dataclasses import dataclass
from pathlib import Path

from playground import kubernetes, runtime
from playground.folders import RunFolder
from playground.machine import Machine, Mount, Unit
from playground.plan import ROUTER_ON_NODES, Node, Plan

SOCKET = "/run/containerd/containerd.sock"
IMAGES_READY = "/run/images-ready"
API_READY = "/run/api-ready"
KUBELET_CONFIG = "/run/kubelet.yaml"
PROXY_CONFIG = "/run/kube-proxy.yaml"
CONTAINERD_CONFIG = "/run/containerd.toml"

# The kubelet sets these for the whole machine unless they read as it wants; so it is shown private
# files that do, and the machine keeps its own values.
SETTINGS_OF_KUBELET = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


@dataclass(frozen=True)
class Supplies:
    """What a node is given: the binaries' folder, archives of images, leaves of its cgroup."""

    binaries: Path
    archives: list[Path]
    cgroups: list[str]


def node_machine(plan: Plan, node: Node, run: RunFolder, supplies: Supplies) -> Machine:
    units = _node_units(plan, node, run, supplies)
    if node == plan.nodes[0]:
        units = [*_control_plane(plan, run, supplies.binaries / "kube"), *units]
    return Machine(
        name=node.name,
        folder=str(run.machine(node.name)),
        log_folder=str(run.log(node.name, "any").parent),
        mounts=_mounts(run.machine(node.name)),
        files=_files(plan, node, run),
        covers={f"/proc/sys/{name}": setting_file(name) for name in SETTINGS_OF_KUBELET},
        units=units,
        cgroups=supplies.cgroups,
    )


def _mounts(folder: Path) -> list[Mount]:
    """Nothing that a node writes lands outside its run folder."""
    kept = {
        "containerd": "/var/lib/containerd",
        "kubelet": "/var/lib/kubelet",
        "cni": "/var/lib/cni",
    }
    mounts = [Mount("tmpfs", "/run"), Mount("tmpfs", "/var/lib")]
    mounts += [Mount("bind", target, str(folder / name)) for name, target in kept.items()]
    return [*mounts, Mount("bind", "/var/log", str(folder / "varlog"))]


def setting_file(setting: str) -> str:
    return f"/run/settings/{setting.replace('/', '_')}"


def _files(plan: Plan, node: Node, run: RunFolder) -> dict[str, str]:
    return {
        CONTAINERD_CONFIG: runtime.containerd_config(),
        "/run/cni/net.d/10-playground.conflist": runtime.pod_network(node),
        "/run/resolv.conf": f"nameserver {ROUTER_ON_NODES[0]}\n",
        KUBELET_CONFIG: kubernetes.kubelet_config(run.pki, plan.namespace(node.name)),
        PROXY_CONFIG: kubernetes.proxy_config(node, run.pki),
        **{setting_file(key): f"{value}\n" for key, value in SETTINGS_OF_KUBELET.items()},
    }


def _control_plane(plan: Plan, run: RunFolder, kube: Path) -> list[Unit]:
    program = str(kube)
    data = run.machine(plan.nodes[0].name) / "etcd"
    return [
        Unit("etcd", [program, "etcd", f"--data-dir={data}"]),
        Unit(
            "kube-apiserver",
            [program, "kube-apiserver", *kubernetes.apiserver_flags(plan, run.pki)],
        ),
        Unit(
            "kube-controller-manager",
            [program, "kube-controller-manager", *kubernetes.controller_flags(run.pki)],
            needs=[API_READY],
        ),
        Unit(
            "kube-scheduler",
            [program, "kube-scheduler", *kubernetes.scheduler_flags(run.pki)],
            needs=[API_READY],
        ),
    ]


def _node_units(plan: Plan, node: Node, run: RunFolder, supplies: Supplies) -> list[Unit]:
    kube = str(supplies.binaries / "kube")
    wait = [sys.executable, "-m", "playground.probe", f"{plan.server}/readyz"]
    kubelet = kubernetes.kubelet_flags(node, run.pki, KUBELET_CONFIG)
    return [
        Unit("containerd", ["containerd", "-c", CONTAINERD_CONFIG]),
        Unit("images", import_command(supplies.archives), needs=[SOCKET], creates=IMAGES_READY),
        Unit("api-probe", wait, creates=API_READY),
        Unit("kube-proxy", [kube, "kube-proxy", f"--config={PROXY_CONFIG}"], needs=[API_READY]),
        Unit(
            "kubelet",
            [kube, "kubelet", *kubelet],
            needs=[API_READY, IMAGES_READY, str(run.nodes_registered)],
        ),
    ]


def import_command(archives: list[Path]) -> list[str]:
    """Give images to containerd, one after the other; the first that fails ends it."""
    steps = [f"ctr -n k8s.io images import {archive}" for archive in archives]
    return ["sh", "-c", "set -e; " + "; ".join(steps)]
