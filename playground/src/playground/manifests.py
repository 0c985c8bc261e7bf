"""The objects that every playground starts with. Pure."""

from pathlib import Path
from typing import Any

import yaml

from playground.plan import Node, Plan

Manifest = dict[str, Any]


def first_objects(plan: Plan) -> list[Manifest]:
    """The nodes, with the ranges their container network uses, and the cluster's DNS."""
    dns = yaml.safe_load_all(Path(__file__).with_name("coredns.yaml").read_text())
    return [*(node_object(node) for node in plan.nodes), *dns]


def node_object(node: Node) -> Manifest:
    """A node that has its Pod ranges before its kubelet comes.

    The controller manager then takes note of these ranges instead of handing out others.
    """
    v4, v6 = node.pod_ranges
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": {"kubernetes.io/hostname": node.name}},
        "spec": {"podCIDR": v4, "podCIDRs": [v4, v6]},
    }
