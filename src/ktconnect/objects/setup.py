"""What `ktctl setup` makes once in a namespace: the account with which agents undo sessions."""

from ktconnect import names

from .rights import AGENT_GUARD, AGENT_GUARD_ISTIO, ISTIO, role
from .session import Manifest

ACCOUNT = "kt-agent"
"""Name of the ServiceAccount, of its Role and of the RoleBinding."""
RBAC = "rbac.authorization.k8s.io"
SERVICE_ACCOUNT = "v1/ServiceAccount"
ROLE = f"{RBAC}/v1/Role"
BINDING = f"{RBAC}/v1/RoleBinding"
KINDS = (SERVICE_ACCOUNT, ROLE, BINDING)


def account(namespace: str) -> Manifest:
    """The ServiceAccount. Its token is mounted only into Pods that ask for it."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(namespace),
        "automountServiceAccountToken": False,
    }


def guard_role(namespace: str, *, istio: bool) -> Manifest:
    """The least Role to undo what a session's journal says; ``istio``: among the user's own routes,
    too."""
    rights = (*AGENT_GUARD, *(AGENT_GUARD_ISTIO if istio else ()))
    return role(ACCOUNT, namespace, rights) | {"metadata": _metadata(namespace)}


def binding(namespace: str) -> Manifest:
    """Gives that Role to that account."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(namespace),
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }


def manifests(namespace: str, *, istio: bool) -> tuple[Manifest, ...]:
    """All of it, in the order in which it is made."""
    return account(namespace), guard_role(namespace, istio=istio), binding(namespace)


def gives_istio(found: Manifest | None) -> bool:
    """Whether this Role, as it is in the cluster, lets agents take routes away."""
    groups = [group for rule in (found or {}).get("rules") or () for group in rule["apiGroups"]]
    return ISTIO in groups


def _metadata(namespace: str) -> Manifest:
    """Without ``control-by``: it belongs to no session, and no clean-up may take it away."""
    labels = {names.LABEL_ROLE: "agent-account"}
    return {"name": ACCOUNT, "namespace": namespace, "labels": labels}
