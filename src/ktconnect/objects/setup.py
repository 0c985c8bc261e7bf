"""What `ktctl setup` makes once in a namespace: the account with which agents undo sessions."""

from collections.abc import Iterable, Iterator

from ktconnect import names

from .rights import AGENT_GUARD, AGENT_GUARD_ISTIO, Right, role
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


def guard_role(namespace: str, more: Iterable[Right] = ()) -> Manifest:
    """The least Role to undo what a session's journal says; ``more``: what only some clusters have,
    such as routes of a service mesh, or other kinds that scale."""
    added = set(more) - set(AGENT_GUARD)
    listed = sorted(added, key=lambda right: (right.group, right.resource, right.verb))
    return role(ACCOUNT, namespace, (*AGENT_GUARD, *listed)) | {"metadata": _metadata(namespace)}


def binding(namespace: str) -> Manifest:
    """Gives that Role to that account."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(namespace),
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }


def manifests(namespace: str, more: Iterable[Right] = ()) -> tuple[Manifest, ...]:
    """All of it, in the order in which it is made; ``more`` as for `guard_role`."""
    return account(namespace), guard_role(namespace, more), binding(namespace)


def scale_rights(group: str, plural: str) -> tuple[Right, ...]:
    """What it takes to give a workload of this kind its replicas back."""
    return tuple(Right(verb, group, f"{plural}/scale") for verb in ("get", "patch"))


def more_of(found: Manifest | None) -> tuple[Right, ...]:
    """What this Role, as it is in the cluster, holds of the ``more`` that `guard_role` takes."""
    return tuple(_more_of(found or {}))


def _more_of(found: Manifest) -> Iterator[Right]:
    for rule in found.get("rules") or ():
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                plural, _, subresource = resource.partition("/")
                scales = scale_rights(group, plural) if subresource == "scale" else ()
                known = (*AGENT_GUARD_ISTIO, *scales)
                held = {Right(verb, group, resource) for verb in rule["verbs"]}
                yield from (each for each in known if each in held and each not in AGENT_GUARD)


def _metadata(namespace: str) -> Manifest:
    """Without ``control-by``: it belongs to no session, and no clean-up may take it away."""
    labels = {names.LABEL_ROLE: "agent-account"}
    return {"name": ACCOUNT, "namespace": namespace, "labels": labels}
