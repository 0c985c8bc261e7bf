"""Istio on a playground: what is rendered, what is installed, what is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from playground import build, cgroups, network
from playground import status as report
from playground.cluster import Playground
from playground.errors import PlaygroundError
from playground.images.recipe import load
from playground.images.store import BUILTIN
from playground.istio import install
from playground.istio.programs import ISTIO, SOURCES, kinds_in, linker_flags

NAME = "pgistio"
IN_CLUSTER = [pytest.mark.cluster, pytest.mark.timeout(900)]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one"},
    "spec": {"containers": [{"name": "main", "image": "kt.local/echo:1"}]},
}


def kind(name: str) -> dict[str, object]:
    return {"kind": "CustomResourceDefinition", "metadata": {"name": name}}


def test_only_kinds_are_taken_of_the_gateway_api(tmp_path: Path) -> None:
    other = {"kind": "ValidatingAdmissionPolicy"}
    (tmp_path / "b.yaml").write_text(yaml.safe_dump_all([kind("b"), other]))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(kind("a")) + "---\n")
    assert kinds_in(tmp_path)["items"] == [kind("a"), kind("b")]


def test_kinds_are_installed_before_what_is_of_them() -> None:
    policy = {"kind": "PeerAuthentication"}
    assert install.parted([policy, kind("a")]) == ([kind("a")], [policy])


def test_the_version_is_that_of_the_api() -> None:
    version = ISTIO.version_of("istio.io/api")
    assert version.startswith("v1.")
    assert linker_flags().endswith(version.removeprefix("v"))


def test_pods_are_made_from_the_image_that_the_store_builds() -> None:
    """The values and the recipe name the same images."""
    values = yaml.safe_load((SOURCES / "values.yaml").read_text())["spec"]
    recipe = load(BUILTIN / "istio", {"istio": "/built"})
    assert values["values"]["pilot"]["image"] in recipe.names
    assert f"{values['hub']}/proxyv2:{values['tag']}" in recipe.names


@pytest.fixture(scope="module")
def site() -> Iterator[Playground]:
    build.build(lambda _: None)
    ISTIO.build(lambda _: None)
    playground = Playground(NAME)
    playground.up(1)
    yield playground
    playground.down()
    assert [*network.existing(NAME), *cgroups.existing(NAME)] == []
    assert not playground.folder.root.exists()


def containers(site: Playground, namespace: str) -> set[str]:
    """Names of the containers that a Pod made in a namespace has, the first ones included."""
    site.apply([POD], namespace)
    spec = site.get("pod", "one", f"--namespace={namespace}")["spec"]
    found = [*spec["containers"], *spec.get("initContainers", [])]
    return {container["name"] for container in found}


class TestInstalled:
    pytestmark = IN_CLUSTER

    def test_it_is_installed_once(self, site: Playground) -> None:
        assert report.status(site)["istio"] == {"installed": False, "ready": False, "version": ""}
        steps: list[str] = []
        assert site.add_istio(steps.append) is True
        assert steps
        assert site.add_istio() is False
        found = report.status(site)["istio"]
        assert (found["installed"], found["ready"]) == (True, True)

    def test_pods_of_labelled_namespaces_get_a_sidecar(self, site: Playground) -> None:
        site.kubectl("create", "namespace", "inside")
        site.kubectl("label", "namespace", "inside", "istio-injection=enabled")
        assert {"main", "istio-proxy"} <= containers(site, "inside")
        assert containers(site, "default") == {"main"}

    def test_kinds_of_both_are_there(self, site: Playground) -> None:
        for name in ("virtualservices.networking.istio.io", "httproutes.gateway.networking.k8s.io"):
            assert site.get("crd", name)["metadata"]["name"] == name

    def test_without_a_playground_there_is_nothing_to_install_on(self) -> None:
        with pytest.raises(PlaygroundError, match="there is no playground"):
            Playground("pgnone").add_istio()
