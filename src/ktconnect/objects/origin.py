"""The origin: a Service beside the user's own, for the backends that it had before us.

It has a cluster IP, so kube-proxy knows which backends are ready and what their named target ports
mean, and an agent reaches it without DNS.
"""

import hashlib

from ktconnect import names

from .agent import object_metadata
from .session import Manifest, Session

SUFFIX = "-kt-origin"
LONGEST = 63  # a Service's name is a label of DNS (RFC 1035); so are values of Kubernetes' labels

# What decides who the backends are and which addresses lead to them. Session affinity and traffic
# policies stay away: all callers come from the agent's one address, and from its one node.
KEPT = ("selector", "ipFamilies", "ipFamilyPolicy", "publishNotReadyAddresses")
KEPT_OF_PORT = ("name", "protocol", "port", "targetPort", "appProtocol")


def fitted(stem: str, suffix: str) -> str:
    """``stem`` and ``suffix`` as one name of 63 characters at most, unique for each stem.

    A suffix that leaves no room for the stem is shortened, too.
    """
    if len(stem) + len(suffix) <= LONGEST:
        return stem + suffix
    room = LONGEST - len(suffix) - 7
    if room < 1:
        return fitted(stem + suffix, "")
    digest = hashlib.sha256(stem.encode()).hexdigest()[:6]
    return f"{stem[:room].rstrip('-.')}-{digest}{suffix}"


def origin_name(service: str) -> str:
    """``web-kt-origin``; shortened where that is too long for a Service."""
    return fitted(service, SUFFIX)


def origin_service(session: Session, service: Manifest, owners: list[Manifest]) -> Manifest:
    """The origin of ``service``, as it was before us."""
    spec = {key: service["spec"][key] for key in KEPT if key in service["spec"]}
    name = origin_name(service["metadata"]["name"])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": object_metadata(session, name, owners, inbound=True),
        "spec": spec | {"type": "ClusterIP", "ports": _ports(service)},
    }


def _ports(service: Manifest) -> list[Manifest]:
    given = service["spec"].get("ports") or ()
    return [{key: port[key] for key in KEPT_OF_PORT if key in port} | _app(port) for port in given]


def _app(port: Manifest) -> Manifest:
    """As bytes, whatever it is: a sidecar of Istio sends HTTP to whom ``Host`` names, wherever the
    connection was to go (Istio, "Traffic Routing"). So an agent's fall back to the origin would
    come back to the agent, in a circle."""
    return {"appProtocol": "tcp"} if port.get("protocol", "TCP") == "TCP" else {}


def preview_service(
    session: Session, name: str, ports: list[Manifest], owners: list[Manifest], *, external: bool
) -> Manifest:
    """A Service whose only backend is the session's agent; ``external``: for the world too."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": object_metadata(session, name, owners, inbound=True),
        "spec": {
            "type": "LoadBalancer" if external else "ClusterIP",
            "selector": {names.LABEL_SESSION: session.label},
            "ports": ports,
        },
    }


def address_of(service: Manifest, port: int) -> str:
    """``10.96.0.7:80`` or ``[fd00::7]:80``: a port of a Service that has a cluster IP."""
    host = service["spec"]["clusterIP"]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
