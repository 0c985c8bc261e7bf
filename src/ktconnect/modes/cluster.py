"""The way to the cluster that every mode begins with."""

import getpass
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ktconnect.errors import Forbidden, UsageError
from ktconnect.host.privileges import check_readable, drop_privileges, invoking_user
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig, load
from ktconnect.kube.facts import ClusterFacts
from ktconnect.kube.rights import Right as Asked
from ktconnect.kube.rights import denied
from ktconnect.objects.rights import Right, command_for

from .spec import ClusterSpec


def load_config(spec: ClusterSpec) -> KubeConfig:
    """The user's own kubeconfig, also under sudo. Raises: UsageError."""
    user = invoking_user()
    home = Path(user.home) if user else None
    return load(spec.kubeconfig or None, spec.context or None, home=home)


@asynccontextmanager
async def open_cluster(spec: ClusterSpec) -> AsyncIterator[Cluster]:
    """The API server of the context, not yet spoken to. Raises: UsageError."""
    async with Cluster(load_config(spec)) as cluster:
        yield cluster


def owned_by_user() -> None:
    """From here on run as the user behind sudo, if there is one. Raises: HostError."""
    user = invoking_user()
    if user is not None and os.geteuid() == 0:
        drop_privileges(user)
        check_readable(user)


def holder() -> str:
    """Who we are, for others to read: ``user@host``."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"


async def require(
    cluster: Cluster, namespace: str, rights: tuple[Right, ...], command: str = ""
) -> None:
    """``command``: what `ktctl rbac print` calls these rights, if that can't be told from them.

    Raises, before anything is created: UsageError if there is no such namespace, Forbidden naming
    every right that is missing, and how to get them.
    """
    await check_namespace(cluster, namespace)
    missing = await cluster.allowed(asked(namespace, rights))
    if missing:
        raise Forbidden(
            denied(missing),
            hint=f"`ktctl rbac print {command or command_for(rights)} -n {namespace}` prints the "
            "Role to ask for; or try another -n",
        )


def asked(namespace: str, rights: tuple[Right, ...]) -> list[Asked]:
    """These rights in a namespace, as the server is asked for them."""
    return [Asked(right.verb, right.group, right.resource, namespace) for right in rights]


async def check_namespace(cluster: Cluster, namespace: str) -> None:
    """Raises: UsageError if there is no such namespace, as far as we may look."""
    try:
        found = await cluster.find("v1/Namespace", namespace)
    except Forbidden:  # then nobody knows
        return
    if found is None:
        raise _no_namespace(namespace)


def require_namespace(facts: ClusterFacts, namespace: str) -> None:
    """The same by what is known already. Raises: UsageError."""
    unknown = any(right.resource == "namespaces" for right in facts.missing_rights)
    if facts.namespaces and namespace not in facts.namespaces and not unknown:
        raise _no_namespace(namespace)


def _no_namespace(namespace: str) -> UsageError:
    return UsageError(
        f"there is no namespace {namespace} in the cluster",
        hint="`kubectl get namespaces` shows those that there are; -n names another one",
    )
