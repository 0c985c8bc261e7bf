"""The agent in the cluster: a ConfigMap that carries its program and a Deployment that runs it.

It runs under Pod Security ``restricted`` (Kubernetes, "Pod Security Standards"). The two sysctls
are on the list of safe ones: the first lets it listen on low ports, the second lets it send ICMP
echo requests without any capability.

An agent that callers come to has ports. It carries no ``control-by`` label: KT Connect's clean-up
deletes what has it and shows no heartbeat of its own kind, and callers would go nowhere.

Nobody is led to it before its tunnel is up, so it needs no probe to say that it listens: a kubelet
looks at a probe once a second, and at its result a second later. Only where a Service leads to it
by labels that others have, too, its Pod must not be ready before it listens.
"""

import base64
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

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
DRAIN_SECONDS = 30
"""How long an agent that callers come to may take to end: its calls are let end meanwhile."""

# A node that is lost is given up after seconds, not after the usual five minutes.
TOLERATIONS = [
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
]


@dataclass(frozen=True, slots=True)
class AgentPort:
    """A port of the agent's Pod that callers come to; ``name`` as a Service may ask for it."""

    number: int
    protocol: Literal["tcp", "udp"] = "tcp"
    name: str = ""

    def manifest(self) -> Manifest:
        """As a container's port. Names are unique within a Pod, so UDP wears its own."""
        plain = f"kt-{self.number}" + ("-udp" if self.protocol == "udp" else "")
        return {
            "name": self.name or plain,
            "containerPort": self.number,
            "protocol": self.protocol.upper(),
        }


@dataclass(frozen=True, slots=True)
class AgentPod:
    """What may be chosen about the agent's Pod: by the user, and by the mode.

    The mode's part: ``args`` are the agent's orders; ``ports`` those that callers come to;
    ``labels`` what selects the Pod besides its session; with ``token`` it may speak to the API
    server as its ServiceAccount, to undo a session without its laptop; ``ready`` is a port that
    listens only while there is a laptop, so that the Pod is an endpoint no longer than that;
    ``at_once``: a Service of others leads to it as soon as it is ready.
    """

    image: str = names.AGENT_IMAGE
    pull_policy: str = "IfNotPresent"
    pull_secret: str = ""
    service_account: str = "default"
    node_selector: tuple[tuple[str, str], ...] = ()
    quota: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()
    ports: tuple[AgentPort, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    token: bool = False
    ready: int = 0
    at_once: bool = False

    def with_args(self, args: list[str]) -> "AgentPod":
        """The same Pod with these orders for the agent."""
        return replace(self, args=tuple(args))

    @property
    def is_inbound(self) -> bool:
        """Whether callers come to it."""
        return bool(self.ports)


def config_map(
    session: Session, program: bytes, owners: list[Manifest], *, inbound: bool = False
) -> Manifest:
    """The agent's program, as a ConfigMap (limit 1 MiB; the program is some tens of kB)."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(session, session.name, owners, inbound=inbound),
        "binaryData": {PROGRAM: base64.b64encode(program).decode()},
    }


def object_metadata(
    session: Session, name: str, owners: list[Manifest], *, inbound: bool
) -> Manifest:
    """Name, labels, annotations and owners of something of ours."""
    metadata = session.metadata(name) | {"ownerReferences": owners}
    if inbound:
        metadata["labels"].pop(names.LABEL_CONTROL_BY, None)
    return metadata


def deployment(session: Session, pod: AgentPod, owners: list[Manifest]) -> Manifest:
    """One agent, replaced by Kubernetes when its Pod or its node is lost."""
    selector = {names.LABEL_SESSION: session.label}
    metadata = object_metadata(session, session.name, owners, inbound=pod.is_inbound)
    labels = dict(pod.labels) | metadata["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": 60,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": metadata["annotations"]
                    | ({names.ANNOTATION_READY: "with its laptop"} if pod.ready else {}),
                },
                "spec": _pod_spec(session, pod),
            },
        },
    }


def _pod_spec(session: Session, pod: AgentPod) -> Manifest:
    spec: Manifest = {
        "serviceAccountName": pod.service_account,
        "automountServiceAccountToken": pod.token,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_SECONDS if pod.is_inbound else 0,
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
    command = ["python3", "-I", "-S", f"{MOUNT}/{PROGRAM}"]
    container: Manifest = {
        "name": names.AGENT_CONTAINER,
        "image": pod.image,
        "imagePullPolicy": pod.pull_policy,
        "command": command,
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
    if pod.is_inbound:
        container["ports"] = [port.manifest() for port in pod.ports]
    if pod.at_once:
        container["startupProbe"] = _startup_probe([*command, "--check", *_door(pod.args)])
    if pod.ready:
        container["readinessProbe"] = {
            "tcpSocket": {"port": pod.ready},
            "periodSeconds": 1,
            "failureThreshold": 1,
        }
    return container


def _startup_probe(check: list[str]) -> Manifest:
    """Ready once it listens, and from then on: no readiness probe, so that an agent that is short
    of CPU is never taken out of the endpoints. The check itself waits for an agent that starts."""
    return {
        "exec": {"command": check},
        "periodSeconds": 1,
        "timeoutSeconds": 10,
        "failureThreshold": 30,
    }


def _door(args: tuple[str, ...]) -> list[str]:
    """The part of the orders that says where laptops come in."""
    for name, value in pairwise(args):
        if name == "--port":
            return [name, value]
    return []


def _resources(quota: dict[str, Any]) -> Manifest:
    return {"requests": quota, "limits": quota} if quota else RESOURCES
