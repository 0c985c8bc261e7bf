"""The programs of the playground's Kubernetes, and what is asked of them before it runs."""

from pathlib import Path

from playground.commands import run
from playground.folders import GO_SOURCES
from playground.gobuild import Programs, Progress

_STAMPED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def binaries() -> Path:
    """The folder where the programs of these sources are, or will be."""
    return KUBERNETES.folder / "bin"


def is_built() -> bool:
    return KUBERNETES.is_built()


def build(progress: Progress) -> Path:
    """Build unless it is built already; ``progress`` is told the number of packages compiled.

    Returns the programs' folder. Raises: PlaygroundError.
    """
    return KUBERNETES.build(progress) / "bin"


def write_kubectl(folder: Path) -> None:
    script = folder / "kubectl"
    script.write_text('#!/bin/sh\nexec "${0%/*}/kube" kubectl "$@"\n')
    script.chmod(0o755)


def kubernetes_version() -> str:
    """The version pinned in go.mod, such as v1.36.3."""
    return KUBERNETES.version_of("k8s.io/kubernetes")


def linker_flags(version: str) -> str:
    """Flags that strip the programs and stamp the version that /version and kubectl tell."""
    major, minor = version.removeprefix("v").split(".")[:2]
    stamps = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "playground",
        "buildDate": "2026-01-01T00:00:00Z",
    }
    pairs = [
        f"-X {package}.{name}={value}" for package in _STAMPED for name, value in stamps.items()
    ]
    return " ".join(["-s", "-w", *pairs])


KUBERNETES = Programs(
    title="Kubernetes",
    sources=GO_SOURCES,
    made=("bin/kube", "bin/coredns", "bin/pause", "bin/kubectl"),
    packages=2900,
    linker_flags=lambda: linker_flags(kubernetes_version()),
    finish=lambda folder: write_kubectl(folder / "bin"),
)


def make_pki(kube: Path, folder: Path, server: str, facts: dict[str, list[str]]) -> None:
    """Write the certificates and kubeconfigs of a cluster. ``facts``: its sans and nodes."""
    lists = [f"--{name}={','.join(values)}" for name, values in facts.items()]
    run([str(kube), "pki", f"--dir={folder}", f"--server={server}", *lists])
