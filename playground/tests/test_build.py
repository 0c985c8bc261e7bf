"""Building the Go programs: keys, flags, versions."""

from pathlib import Path

import pytest

from playground import build, gobuild
from playground.commands import run
from playground.errors import PlaygroundError


def test_the_key_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "cmd").mkdir()
    (tmp_path / "cmd" / "main.go").write_text("1")
    first = gobuild.key(tmp_path)
    assert gobuild.key(tmp_path) == first
    (tmp_path / "cmd" / "main.go").write_text("2")
    assert gobuild.key(tmp_path) != first


def test_the_version_is_stamped_as_kubernetes_tells_it() -> None:
    flags = build.linker_flags("v1.36.3")
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "gitMinor=36" in flags


def test_versions_come_from_go_mod() -> None:
    assert build.kubernetes_version().startswith("v1.")
    with pytest.raises(PlaygroundError, match="does not name"):
        build.KUBERNETES.version_of("example.com/nothing")


def test_kubectl_calls_the_program_beside_it(tmp_path: Path) -> None:
    (tmp_path / "kube").write_text("#!/bin/sh\necho $@\n")
    (tmp_path / "kube").chmod(0o755)
    build.write_kubectl(tmp_path)
    assert run([str(tmp_path / "kubectl"), "get", "pods"]) == "kubectl get pods\n"
