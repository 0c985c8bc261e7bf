"""What stands in front of a Service whose requests are shared: manifests.

A router (a stock Envoy, configured by files of a ConfigMap and nothing else), a headless Service of
the original Pods for it, and for every session a Service of its own that leads to its agent. The
router runs under Pod Security ``restricted`` (Kubernetes, "Pod Security Standards"), with arguments
alone: its image has no shell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ktconnect import names

from .agent import DRAIN_SECONDS, SYSCTLS, TOLERATIONS, AgentPort, object_metadata
from .origin import KEPT_OF_PORT, fitted, origin_service
from .ports import PortMap
from .session import Manifest, Session

SUFFIX: Final = "-kt-router"
PODS: Final = "-kt-origin-pods"
CONTAINER: Final = "envoy"
MOUNT: Final = "/etc/kt-router"
"""Where its files are; all of a ConfigMap changes at once there (a swap of one symbolic link)."""

REVISION: Final = "kt-revision"
"""Annotation on the router's Pods: any change of it makes the kubelet refresh their volumes."""

RENDERED: Final = "kt-rendering"
"""Annotation on its ConfigMap: the number of the way in which ktctl wrote the files."""

# A sidecar would send what the router sends to whom ``Host`` names: back to the router.
NO_SIDECAR: Final = {
    "sidecar.istio.io/inject": "false",
    "kuma.io/sidecar-injection": "disabled",
}
NO_PROXY: Final = {"linkerd.io/inject": "disabled"}

LINGER_SECONDS: Final = 5
"""For which a router whose Pod is deleted serves on: until then all nodes lead past it."""

RESOURCES: Final[Manifest] = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"memory": "1Gi"},
}

CHOSEN: Final = ("nodeSelector", "imagePullSecrets", "affinity")
CHOSEN_OF_CONTAINER: Final = ("image", "imagePullPolicy", "resources")
"""Of its Pods: what may be chosen."""


@dataclass(frozen=True, slots=True)
class RouterPod:
    """What may be chosen about the router by whoever starts it."""

    image: str = names.ROUTER_IMAGE
    replicas: int = 1
    pull_policy: str = "IfNotPresent"
    pull_secret: str = ""
    node_selector: tuple[tuple[str, str], ...] = ()


def router_name(service: str) -> str:
    """``web-kt-router``; shortened where that is too long for a label's value."""
    return fitted(service, SUFFIX)


def pods_name(service: str) -> str:
    """``web-kt-origin-pods``: the headless Service of the original Pods."""
    return fitted(service, PODS)


def share_name(service: str, kind: str, label: str) -> str:
    """``web-kt-mesh-ci``: a session's own Service; ``label`` is its mark as a part of names."""
    return fitted(service, f"-kt-{kind}-{label}")


def pods_service(session: Session, service: Manifest, owners: list[Manifest]) -> Manifest:
    """The original Pods of ``service``, each with an address of its own in DNS."""
    made = origin_service(session, service, owners)
    made["metadata"]["name"] = pods_name(service["metadata"]["name"])
    return made | {"spec": made["spec"] | {"clusterIP": "None"}}


def share_service(
    session: Session,
    name: str,
    service: Manifest,
    ports: Iterable[PortMap],
    owners: list[Manifest],
) -> Manifest:
    """A session's own Service: the exposed ports of ``service``, and its agent behind them."""
    wanted = {(port.protocol, port.service_port): port for port in ports}
    found = []
    for given in service["spec"].get("ports") or ():
        key = (str(given.get("protocol") or "TCP").lower(), int(given["port"]))
        if key in wanted:
            kept = {name: given[name] for name in KEPT_OF_PORT if name in given}
            found.append(kept | {"targetPort": wanted[key].pod_port})
    spec = {
        key: service["spec"][key]
        for key in ("ipFamilies", "ipFamilyPolicy")
        if key in service["spec"]
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": object_metadata(session, name, owners, inbound=True),
        "spec": spec
        | {
            "type": "ClusterIP",
            "selector": {names.LABEL_SESSION: session.label},
            "ports": found,
        },
    }


def config_map(
    session: Session, name: str, files: Mapping[str, str], owners: list[Manifest]
) -> Manifest:
    """The router's files."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_metadata(session, name, owners, inbound=True),
        "data": dict(files),
    }


@dataclass(frozen=True, slots=True)
class Doors:
    """How a router's Pod is come by, and started: ``listens`` are its callers' ports; ``ready``
    answers ``ready_path`` once it serves them; ``args`` are Envoy's. ``lingers``: it may serve on
    for a moment when its Pod is deleted (Kubernetes 1.30 or newer)."""

    listens: tuple[AgentPort, ...]
    ready: int
    ready_path: str
    args: tuple[str, ...]
    lingers: bool = False


def deployment(
    session: Session,
    name: str,
    pod: RouterPod,
    doors: Doors,
    labels: Mapping[str, str],
    owners: list[Manifest],
) -> Manifest:
    """The router; ``labels`` are what the Service's selector finds it by."""
    metadata = object_metadata(session, name, owners, inbound=True)
    metadata["labels"] |= {names.LABEL_SESSION: name}
    selector = {names.LABEL_SESSION: name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": pod.replicas,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "progressDeadlineSeconds": 60,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {
                    "labels": {**labels, **metadata["labels"], **NO_SIDECAR},
                    "annotations": metadata["annotations"] | NO_PROXY,
                },
                "spec": _pod_spec(name, pod, doors),
            },
        },
    }


def as_chosen(manifest: Manifest, found: Manifest) -> Manifest:
    """The Deployment as it should be, with what may be chosen as it is chosen already: whoever
    joins takes the router as it is. One that was scaled to nothing serves again."""
    spec, chosen = manifest["spec"], found["spec"]
    pod, there = spec["template"]["spec"], chosen["template"]["spec"]
    container = dict(pod["containers"][0])
    for each in there.get("containers") or ():
        if each["name"] == CONTAINER:
            container |= {key: each[key] for key in CHOSEN_OF_CONTAINER if key in each}
    free = {key: value for key, value in pod.items() if key not in CHOSEN}
    kept = {key: there[key] for key in CHOSEN if key in there}
    template = {**spec["template"], "spec": {**free, **kept, "containers": [container]}}
    replicas = chosen.get("replicas") or spec["replicas"]
    return {**manifest, "spec": {**spec, "replicas": replicas, "template": template}}


def _pod_spec(name: str, pod: RouterPod, doors: Doors) -> Manifest:
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_SECONDS,
        "tolerations": TOLERATIONS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
            "sysctls": SYSCTLS[:1],
        },
        "containers": [_container(pod, doors)],
        "volumes": [{"name": "files", "configMap": {"name": name}}],
    }
    if pod.replicas > 1:
        spec["affinity"] = _apart(name)
    if pod.pull_secret:
        spec["imagePullSecrets"] = [{"name": pod.pull_secret}]
    if pod.node_selector:
        spec["nodeSelector"] = dict(pod.node_selector)
    return spec


def _apart(name: str) -> Manifest:
    """On several nodes, where there are several."""
    term = {
        "labelSelector": {"matchLabels": {names.LABEL_SESSION: name}},
        "topologyKey": "kubernetes.io/hostname",
    }
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def _container(pod: RouterPod, doors: Doors) -> Manifest:
    # Envoy ends at once when it is told to, while nodes still lead callers to it.
    sleep = {"preStop": {"sleep": {"seconds": LINGER_SECONDS}}}
    return {
        **({"lifecycle": sleep} if doors.lingers else {}),
        "name": CONTAINER,
        "image": pod.image,
        "imagePullPolicy": pod.pull_policy,
        "args": list(doors.args),
        "ports": [port.manifest() for port in doors.listens],
        "readinessProbe": {
            "httpGet": {"path": doors.ready_path, "port": doors.ready},
            "periodSeconds": 1,
            "timeoutSeconds": 3,
            "failureThreshold": 5,
        },
        "resources": RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "files", "mountPath": MOUNT, "readOnly": True}],
    }
