"""Fixtures of the cluster tier: a real Kubernetes and a laptop beside it (the playground).

Everything a test sends stays in the playground's namespaces: the laptop has no way out but the API
server and a made-up internet.

    KTCTL_TEST_PLAYGROUND   name of the playground, `test` unless said otherwise
    KTCTL_KEEP=1            leave it up at the end (one that was up before stays up anyway)
"""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playground import build, users
from playground.cluster import Playground
from playground.testing import Deploy, Laptop
from tests.cluster.connecting import Session, connected
from tests.cluster.world import World, make_world

NODES = 2


@pytest.fixture(scope="session")
def cluster() -> Iterator[Playground]:
    """A playground that is up, with two nodes."""
    playground = Playground(os.environ.get("KTCTL_TEST_PLAYGROUND", "test"))
    build.build(lambda _: None)
    came_up = playground.up(None if playground.folder.came_up.exists() else NODES)
    yield playground
    if came_up and os.environ.get("KTCTL_KEEP") != "1":
        playground.down()


@pytest.fixture
def namespace(cluster: Playground) -> Iterator[str]:
    """A namespace of the test's own; it is deleted afterwards, without waiting."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def laptop(cluster: Playground) -> Iterator[Laptop]:
    """Runs a command on the laptop: ``laptop("curl", …)``; ``laptop.popen`` leaves it running."""
    with Laptop(cluster) as found:
        yield found


@pytest.fixture
def deploy(cluster: Playground, namespace: str) -> Deploy:
    """Applies manifests (dicts or YAML text) in the test's namespace and waits until Ready."""
    return Deploy(cluster, namespace)


@pytest.fixture
def limited_user(cluster: Playground, namespace: str) -> Callable[[Sequence[dict[str, Any]]], Path]:
    """Makes a kubeconfig for a user who has only these Role rules, in the test's namespace."""

    def make(rules: Sequence[dict[str, Any]]) -> Path:
        return users.make(cluster, f"user-{namespace}", namespace, rules)

    return make


@pytest.fixture
def connect(cluster: Playground, namespace: str) -> Callable[..., AbstractContextManager[Session]]:
    """``with connect(*flags) as session``: ktctl is connected on the laptop in the block."""
    return partial(connected, cluster, namespace)


@pytest.fixture(scope="session")
def world(cluster: Playground) -> Iterator[World]:
    """Two namespaces full of things to reach, for tests that change nothing of them."""
    mark = uuid.uuid4().hex[:6]
    namespaces = (f"w-{mark}", f"v-{mark}")
    yield make_world(cluster, *namespaces)
    cluster.kubectl("delete", "namespace", *namespaces, "--wait=false")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Show what was measured, in seconds: in the test's output and in its JUnit report."""
    record = request.getfixturevalue("record_property")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def told(**seconds: float) -> None:
        for name, value in seconds.items():
            record(name, round(value, 2))
        shown = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
        with capture.global_and_fixture_disabled():
            print(f"\n{request.node.name}: {shown}")  # noqa: T201 - it is the output

    return told
