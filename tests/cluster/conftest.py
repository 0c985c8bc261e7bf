"""Fixtures of the cluster tier: a real Kubernetes and a laptop beside it (the playground).

Everything a test sends stays in the playground's namespaces: the laptop has no way out but the API
server and a made-up internet.

    KTCTL_TEST_PLAYGROUND   name of the playground, `test` unless said otherwise
    KTCTL_KEEP=1            leave it up at the end (one that was up before stays up anyway)
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playground import build, users
from playground.cluster import Playground
from playground.istio.programs import ISTIO
from playground.testing import Deploy, Laptop
from tests.cluster.connecting import connected
from tests.cluster.mesh_world import Shop, injected_namespace, shop_world
from tests.cluster.namespaces import own_namespace
from tests.cluster.patience import TEST
from tests.cluster.polyglots import Local, polyglot_on_laptop
from tests.cluster.session import Session
from tests.cluster.world import World, make_world

NODES = 2
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this tier have its time, unless they say otherwise; those with Istio come last.

    So the others run on a plain cluster, as they would if there were no such tests.
    """
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST))
    items.sort(key=lambda item: "istio" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Playground]:
    """A playground that is up, with two nodes, and Envoy's image for routers."""
    playground = Playground(os.environ.get("KTCTL_TEST_PLAYGROUND", "test"))
    build.build(lambda _: None)
    came_up = playground.up(None if playground.folder.came_up.exists() else NODES)
    playground.provide(playground.store.builtin("envoy"))
    yield playground
    if came_up and os.environ.get("KTCTL_KEEP") != "1":
        playground.down()


@pytest.fixture(scope="session")
def istio(cluster: Playground) -> Playground:
    """The cluster with Istio and the Gateway API's kinds; see ``mesh_world.injected_namespace``.

    Namespaces that are not labelled are as without it.
    """
    ISTIO.build(lambda _: None)
    cluster.add_istio()
    return cluster


@pytest.fixture(scope="session")
def sidecar_shop(istio: Playground) -> Iterator[Shop]:
    """One Pod of the shop and its callers, with sidecars; whoever changes it puts it back."""
    with (
        injected_namespace(istio) as namespace,
        shop_world(istio, namespace, replicas=1, in_mesh=True) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def ann(istio: Playground) -> Iterator[Local]:
    """A developer beside ``sidecar_shop``."""
    with polyglot_on_laptop(istio, "ann", 28410) as found:
        yield found


@pytest.fixture(scope="session")
def bob(istio: Playground) -> Iterator[Local]:
    """Another one."""
    with polyglot_on_laptop(istio, "bob", 28420) as found:
        yield found


@pytest.fixture
def namespace(cluster: Playground) -> Iterator[str]:
    """A namespace of the test's own; it is deleted afterwards, without waiting."""
    with own_namespace(cluster, "t") as name:
        yield name


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
    with own_namespace(cluster, "w") as one, own_namespace(cluster, "v") as other:
        yield make_world(cluster, one, other)


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
