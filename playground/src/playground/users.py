"""Users of the cluster with only the rights asked for, each with a client certificate."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from playground.access import Access
from playground.commands import run
from playground.errors import PlaygroundError
from playground.manifests import Manifest

Rule = dict[str, Any]
_USER = re.compile(r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?")


def objects(user: str, namespace: str, rules: Sequence[Rule]) -> list[Manifest]:
    """A Role of these rules in the namespace, bound to the user."""
    name = f"playground-{user}"
    meta = {"name": name, "namespace": namespace}
    api = "rbac.authorization.k8s.io/v1"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    return [
        {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": list(rules)},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": reference,
            "subjects": [subject],
        },
    ]


def rules_in(file: Path) -> list[Rule]:
    """The rules of a YAML file: of its Roles, or a bare list. Raises: PlaygroundError."""
    try:
        documents = list(yaml.safe_load_all(file.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise PlaygroundError(f"{file} can't be read: {error}") from None
    if len(documents) == 1 and isinstance(documents[0], list):
        return list(documents[0])
    return [rule for document in documents if document for rule in document.get("rules", [])]


def simple_rule(verbs: Sequence[str], resources: Sequence[str]) -> list[Rule]:
    """One rule per API group; a resource is ``pods``, ``pods/log`` or ``deployments.apps``."""
    groups: dict[str, list[str]] = {}
    for resource in resources:
        plural, _, rest = resource.partition(".")
        group, slash, sub = rest.partition("/")
        groups.setdefault(group, []).append(f"{plural}{slash}{sub}")
    return [
        {"apiGroups": [group], "resources": found, "verbs": list(verbs)}
        for group, found in groups.items()
    ]


def make(site: Access, user: str, namespace: str, rules: Sequence[Rule]) -> Path:
    """A kubeconfig for the user, whose rights become exactly these rules in the namespace.

    The namespace is made if missing. Raises: PlaygroundError.
    """
    if not _USER.fullmatch(user):
        raise PlaygroundError(
            f"{user!r} can't be a user", hint="use small letters, digits, - and ."
        )
    site.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}])
    site.apply(objects(user, namespace, rules))
    return write_kubeconfig(site, user, namespace)


def write_kubeconfig(site: Access, user: str, namespace: str) -> Path:
    """Issue the certificate; nothing in the cluster changes."""
    kube = Path(site.state.binaries) / "kube"
    flags = [f"--dir={site.folder.pki}", f"--server={site.plan.server}"]
    text = run([str(kube), "user", *flags, f"--name={user}", f"--namespace={namespace}"])
    target = site.folder.root / "users" / f"{user}.kubeconfig"
    target.parent.mkdir(exist_ok=True)
    target.touch(mode=0o600)
    target.write_text(text)
    os.chmod(target, 0o600)
    return target
