"""The agent in the cluster: a ConfigMap that carries its program and a Deployment that runs it.

It runs under Pod Security ``restricted`` (Kubernetes, "Pod Security Standards"). The two sysctls
are on the list of safe ones: the first lets it listen on low ports, the second lets it send ICMP
echo requests without any capability.
"""

import base64
from dataclasses import dataclass, replace
from typing import Any

from ktconnect import names

from .session import Manifest, Session

PROGRAM = "ktagent.pyz"
MOUNT = "/opt/kt"
RESOURCES: Manifest = {
    "requests": {"cpu": "10m", "memory": "32Mi"},
    "limits": {"memory": "512Mi"},
}
SYSCTLS = [
    {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"},
    {"name": "net.ipv4.ping_group_range", "value": "0 2147483647"},
]
# A node that is lost is given up after seconds, not after the usual five minutes.
TOLERATIONS = [
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
]


@dataclass(frozen=True, slots=True)
class AgentPod:
    """What the user may choose about the agent's Pod."""

    image: str = names.AGENT_IMAGE
    pull_policy: str = "IfNotPresent"
    pull_secret: str = ""
    service_account: str = "default"
    node_selector: tuple[tuple[str, str], ...] = ()
    quota: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()

    def with_args(self, args: list[str]) -> "AgentPod":
        """The same Pod with these orders for the agent."""
        return replace(self, args=tuple(args))


def config_map(session: Session, program: bytes, owners: list[Manifest]) -> Manifest:
    """The agent's program, as a ConfigMap (limit 1 MiB; the program is some tens of kB)."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": session.metadata(session.name) | {"ownerReferences": owners},
        "binaryData": {PROGRAM: base64.b64encode(program).decode()},
    }


def deployment(session: Session, pod: AgentPod, owners: list[Manifest]) -> Manifest:
    """One agent, replaced by Kubernetes when its Pod or its node is lost."""
    selector = {names.LABEL_SESSION: session.name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": session.metadata(session.name) | {"ownerReferences": owners},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": 60,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": selector},
            "template": {"metadata": _pod_metadata(session), "spec": _pod_spec(session, pod)},
        },
    }


def _pod_metadata(session: Session) -> Manifest:
    metadata = session.metadata(session.name)
    return {key: metadata[key] for key in ("labels", "annotations")}


def _pod_spec(session: Session, pod: AgentPod) -> Manifest:
    spec: Manifest = {
        "serviceAccountName": pod.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "tolerations": TOLERATIONS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
            "sysctls": SYSCTLS,
        },
        "containers": [_container(pod)],
        "volumes": [{"name": "program", "configMap": {"name": session.name}}],
    }
    if pod.pull_secret:
        spec["imagePullSecrets"] = [{"name": pod.pull_secret}]
    if pod.node_selector:
        spec["nodeSelector"] = dict(pod.node_selector)
    return spec


def _container(pod: AgentPod) -> Manifest:
    return {
        "name": names.AGENT_CONTAINER,
        "image": pod.image,
        "imagePullPolicy": pod.pull_policy,
        "command": ["python3", "-I", "-S", f"{MOUNT}/{PROGRAM}"],
        "args": list(pod.args),
        "env": [{"name": "POD_IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}}],
        "resources": _resources(dict(pod.quota)),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "program", "mountPath": MOUNT, "readOnly": True}],
    }


def _resources(quota: dict[str, Any]) -> Manifest:
    return {"requests": quota, "limits": quota} if quota else RESOURCES
