"""Which rights a command needs, as data: for the check before it starts, and as a Role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ktconnect.errors import UsageError

from .session import Manifest


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource, in the session's namespace or cluster-wide."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def _rights(group: str, resource: str, verbs: str) -> tuple[Right, ...]:
    return tuple(Right(verb, group, resource) for verb in verbs.split())


def _union(*parts: tuple[Right, ...]) -> tuple[Right, ...]:
    return tuple(dict.fromkeys(right for part in parts for right in part))


def _workload(plural: str) -> tuple[Right, ...]:
    """A workload, and how many Pods it has."""
    return (*_rights("apps", plural, "get"), *_rights("apps", f"{plural}/scale", "get patch"))


ISTIO = "networking.istio.io"
GATEWAY = "gateway.networking.k8s.io"
_LEASES = "coordination.k8s.io", "leases"
_AGENT = (
    *_rights("", "configmaps", "create get delete"),
    *_rights("apps", "deployments", "create get list delete"),
    *_rights("", "pods", "get list watch"),
    *_rights("", "pods/portforward", "get create"),
)

# Without these, connect can't work.
CONNECT = (
    *_rights(*_LEASES, "create get list patch delete"),
    *_AGENT,
    *_rights("", "services", "list watch"),
)
# With --shareShadow, each user becomes an owner of the one agent.
SHARE = (*_rights("", "configmaps", "patch"), *_rights("apps", "deployments", "patch"))

# A session that others may end, and that ends those that are dead.
_SESSION = (*_rights(*_LEASES, "create get list watch patch delete"), *_AGENT)
# Whether the namespace has an account with which agents undo sessions.
_ACCOUNT = _rights("", "serviceaccounts", "get")

EXCHANGE_SELECTOR = (
    *_SESSION,
    *_rights("", "services", "get list watch create patch delete"),
    *_rights("discovery.k8s.io", "endpointslices", "list watch"),
    *_ACCOUNT,
)
EXCHANGE_SCALE = (
    *_SESSION,
    *_rights("", "services", "get list watch"),
    *_workload("deployments"),
    *_workload("statefulsets"),
    # the agent is an endpoint before the workload goes, and none any more before it goes itself
    *_rights("discovery.k8s.io", "endpointslices", "list"),
    *_rights("", "pods", "patch"),
    *_ACCOUNT,
)
PREVIEW = (*_SESSION, *_rights("", "services", "get list watch create delete"), *_ACCOUNT)
# Many share the requests of a Service: each has one of their own, and sees those of the others.
_SHARING = (
    *_SESSION,
    *_rights("", "services", "get list watch create patch delete"),
    *_rights("discovery.k8s.io", "endpointslices", "list watch"),
    *_ACCOUNT,
)
# The router is everybody's: whoever sees that it is not as the shares want it puts that right.
MESH_ROUTER = (
    *_SHARING,
    *_rights("", "configmaps", "patch"),
    *_rights("apps", "deployments", "patch"),
    *_rights("", "pods", "patch"),
)
MESH_ISTIO = (
    *_SHARING,
    *_rights(ISTIO, "virtualservices", "get list watch create patch delete"),
    *_rights(ISTIO, "destinationrules", "get list watch create patch delete"),
)
MESH_GATEWAY = (
    *_SHARING,
    *_rights(GATEWAY, "httproutes", "get list watch create patch delete"),
)
MESH_MANUAL = (
    *_SESSION,
    *_rights("", "services", "get list watch"),
    # the agent is an endpoint before callers are told of, and none any more before it goes itself
    *_rights("discovery.k8s.io", "endpointslices", "list"),
    *_rights("", "pods", "patch"),
    *_ACCOUNT,
)
EXPLAIN = (
    *_rights(*_LEASES, "get list"),
    *_rights("", "services", "get list"),
    *_rights("", "pods", "list"),
    *_rights("", "configmaps", "get"),
    *_rights("discovery.k8s.io", "endpointslices", "list"),
    *_rights(ISTIO, "virtualservices", "list"),
    *_rights(ISTIO, "destinationrules", "list"),
    *_rights(GATEWAY, "httproutes", "list"),
)
# With --live, a Pod sends the request.
PROBE = (*_rights(*_LEASES, "create get patch delete"), *_AGENT)
EXPLAIN_LIVE = tuple(dict.fromkeys((*PROBE, *EXPLAIN)))
FORWARD = (*_SESSION, *_rights("", "services", "get list watch"))
STATUS = _rights(*_LEASES, "get list watch")
BIRDSEYE = (*STATUS, *_rights("", "services", "list watch"), *_rights("", "pods", "list watch"))

# What a dead session's journal may ask for: the guard's rights are these, and no more.
AGENT_GUARD = (
    *_rights(*_LEASES, "get patch delete"),
    *_rights("", "services", "get patch"),
    *_rights("apps", "deployments/scale", "get patch"),
    *_rights("apps", "statefulsets/scale", "get patch"),
)
# ... and these where routes are added to those of the users.
AGENT_GUARD_ISTIO = _rights(ISTIO, "virtualservices", "get patch")
# Besides dead sessions of our own, what KT Connect 0.3 left: it has no Leases, and owns nothing.
CLEAN = (
    *_rights(*_LEASES, "get list patch delete"),
    *_rights("", "services", "get list patch delete"),
    *_rights("", "pods", "list delete"),
    *_rights("", "configmaps", "list delete"),
    *_rights("apps", "deployments", "get list delete"),
    *_rights("apps", "deployments/scale", "get patch"),
    *_rights("apps", "statefulsets/scale", "get patch"),
    *AGENT_GUARD_ISTIO,
)
RECOVER = CLEAN
# Who makes a Role must have the rights that it gives (Kubernetes, "Using RBAC Authorization").
SETUP = (
    *_rights("", "serviceaccounts", "get create update delete"),
    *_rights("rbac.authorization.k8s.io", "roles", "get create update delete"),
    *_rights("rbac.authorization.k8s.io", "rolebindings", "get create update delete"),
    *AGENT_GUARD,
)

COMMANDS: Mapping[str, tuple[Right, ...]] = {
    "connect": CONNECT,
    "connect-share": CONNECT + SHARE,
    "exchange": _union(EXCHANGE_SELECTOR, EXCHANGE_SCALE),
    "exchange-selector": EXCHANGE_SELECTOR,
    "exchange-scale": EXCHANGE_SCALE,
    "exchange-istio": MESH_ISTIO,
    "mesh": _union(MESH_ROUTER, MESH_ISTIO, MESH_GATEWAY),
    "mesh-router": MESH_ROUTER,
    "mesh-istio": MESH_ISTIO,
    "mesh-gateway": MESH_GATEWAY,
    "mesh-manual": MESH_MANUAL,
    "mirror": _union(MESH_ROUTER, MESH_ISTIO, MESH_GATEWAY, EXCHANGE_SELECTOR),
    "mirror-router": MESH_ROUTER,
    "mirror-istio": MESH_ISTIO,
    "mirror-gateway": MESH_GATEWAY,
    "mirror-tcp": EXCHANGE_SELECTOR,
    "explain": EXPLAIN,
    "explain-live": EXPLAIN_LIVE,
    "preview": PREVIEW,
    "forward": FORWARD,
    "status": STATUS,
    "birdseye": BIRDSEYE,
    "recover": RECOVER,
    "clean": CLEAN,
    "setup": SETUP,
}
"""The commands that need rights in the cluster; ``mesh-router`` is ``mesh --mode router``,
``connect-share`` is ``connect --shareShadow``, ``exchange-istio`` an exchange beside subsets."""


def needed(commands: Iterable[str]) -> tuple[Right, ...]:
    """What all of these commands need, each right once.

    Raises: UsageError for a command that isn't there, or needs no rights.
    """
    asked = tuple(commands)
    for command in asked:
        if command not in COMMANDS:
            raise UsageError(
                f"{command} is no command that needs rights in a cluster",
                hint=f"those that do: {', '.join(COMMANDS)}",
            )
    return _union(*(COMMANDS[command] for command in asked))


def command_for(rights: tuple[Right, ...], family: str = "") -> str:
    """What `ktctl rbac print` calls exactly these rights: the name that begins with ``family``
    where several have the same; ``COMMAND`` if none has."""
    fitting = [name for name, needs in COMMANDS.items() if needs == rights]
    own = [name for name in fitting if name.partition("-")[0] == family]
    return next(iter((*own, *fitting)), "COMMAND")


def role(name: str, namespace: str, rights: tuple[Right, ...]) -> Manifest:
    """The least Role that holds ``rights``."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": rules(rights),
    }


def rules(rights: tuple[Right, ...]) -> list[Manifest]:
    """``rights`` as RBAC rules, one for each resource, in the order given."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), []).append(right.verb)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": list(dict.fromkeys(listed))}
        for (group, resource), listed in verbs.items()
    ]
