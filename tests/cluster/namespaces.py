"""Namespaces of the tests, each whole before it is used."""

import contextlib
import uuid
from collections.abc import Iterator

from playground.cluster import Playground
from tests.cluster.connecting import wait_until

GIVEN = ("serviceaccount/default", "configmap/kube-root-ca.crt")
"""What controllers put into each namespace, some moments after it was made."""


def make_namespace(cluster: Playground, name: str) -> None:
    """Make it, and wait until Pods can be made in it."""
    cluster.kubectl("create", "namespace", name)
    look = ("get", *GIVEN, "--ignore-not-found", "-o", "name", f"--namespace={name}")
    wait_until(lambda: len(cluster.kubectl(*look).split()) == len(GIVEN), within=30)


@contextlib.contextmanager
def own_namespace(cluster: Playground, kind: str) -> Iterator[str]:
    """One for as long as the block; it is deleted then, without waiting."""
    with namespace_named(cluster, f"{kind}-{uuid.uuid4().hex[:8]}") as name:
        yield name


@contextlib.contextmanager
def namespace_named(cluster: Playground, name: str) -> Iterator[str]:
    """One of this very name; what an earlier test left of it is waited for."""
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found")
    try:
        make_namespace(cluster, name)
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
