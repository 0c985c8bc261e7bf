"""Building the Go programs: flags and versions."""

from pathlib import Path

from playground import build
from playground.commands import run


def test_the_version_is_stamped_as_kubernetes_tells_it() -> None:
    flags = build.linker_flags("v1.36.3")
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "gitMinor=36" in flags


def test_versions_come_from_go_mod() -> None:
    assert build.kubernetes_version().startswith("v1.")


def test_kubectl_calls_the_program_beside_it(tmp_path: Path) -> None:
    (tmp_path / "kube").write_text("#!/bin/sh\necho $@\n")
    (tmp_path / "kube").chmod(0o755)
    build.write_kubectl(tmp_path)
    assert run([str(tmp_path / "kubectl"), "get", "pods"]) == "kubectl get pods\n"
