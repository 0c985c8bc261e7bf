"""Which rights a command needs, as data: for the check before it starts, and as a Role."""

from dataclasses import dataclass

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


# Without these, connect can't work.
CONNECT = (
    *_rights("coordination.k8s.io", "leases", "create get list patch delete"),
    *_rights("", "configmaps", "create get delete"),
    *_rights("apps", "deployments", "create get list delete"),
    *_rights("", "pods", "get list watch"),
    *_rights("", "pods/portforward", "get create"),
    *_rights("", "services", "list watch"),
)
# With --shareShadow, each user becomes an owner of the one agent.
SHARE = (*_rights("", "configmaps", "patch"), *_rights("apps", "deployments", "patch"))


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
