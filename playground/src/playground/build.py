"""Builds the Go programs once per version of their sources, and keeps them outside the checkout."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playground.commands import last_lines, run
from playground.errors import PlaygroundError
from playground.folders import GO_SOURCES, cache

PROGRAMS = ("kube", "coredns", "pause")
PACKAGES = 2900  # how many packages a build from nothing compiles, for the progress bar
_STAMPED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
# Without debug information and inlining the build takes 40 % less CPU.
_COMPILER = "all=-dwarf=false -l"

Progress = Callable[[int], None]


def binaries() -> Path:
    """The folder where the programs of these sources are, or will be."""
    return cache() / key(GO_SOURCES) / "bin"


def key(sources: Path) -> str:
    """What tells one version of the programs from another: the sources and how they are built."""
    known = hashlib.sha256(_COMPILER.encode())
    for path in sorted(path for path in sources.rglob("*") if path.is_file()):
        known.update(f"{path.relative_to(sources)}\0".encode())
        known.update(path.read_bytes())
    return known.hexdigest()[:16]


def is_built() -> bool:
    return all((binaries() / program).exists() for program in (*PROGRAMS, "kubectl"))


def build(progress: Progress) -> Path:
    """Build unless it is built already; ``progress`` is told the number of packages compiled.

    Raises: PlaygroundError.
    """
    target = binaries()
    with _alone(target.parent.parent / ".build.lock"):
        if not is_built():
            _build_beside(target, progress)
    return target


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two builds at once would only slow each other down."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _build_beside(target: Path, progress: Progress) -> None:
    """Build in a folder beside the target and rename it: what is there is always whole."""
    if shutil.which("go") is None:
        raise PlaygroundError("Go is not installed", hint="install Go 1.26 or newer")
    for stale in cache().glob(".build-*/"):  # of builds that were killed: the lock is ours
        shutil.rmtree(stale, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=".build-", dir=cache()))
    try:
        _compile(draft / "bin", progress)
        write_kubectl(draft / "bin")
        draft.chmod(0o755)
        shutil.rmtree(target.parent, ignore_errors=True)
        draft.rename(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_kubectl(folder: Path) -> None:
    script = folder / "kubectl"
    script.write_text('#!/bin/sh\nexec "${0%/*}/kube" kubectl "$@"\n')
    script.chmod(0o755)


def _compile(target: Path, progress: Progress) -> None:
    target.mkdir(parents=True)
    command = ["go", "build", "-trimpath", "-v", f"-ldflags={linker_flags(kubernetes_version())}"]
    command += [f"-gcflags={_COMPILER}", "-o", f"{target}/", ".", "./cmd/..."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    with subprocess.Popen(
        command, cwd=GO_SOURCES, env=environment, stderr=subprocess.PIPE, text=True
    ) as building:
        assert building.stderr is not None
        said: deque[str] = deque(maxlen=20)
        for count, line in enumerate(building.stderr, 1):
            said.append(line)
            progress(count)
    if building.returncode:
        raise PlaygroundError(f"the Go programs can't be built: {last_lines(''.join(said), 12)}")


def kubernetes_version() -> str:
    """The version pinned in go.mod, such as v1.36.3."""
    return module_version("k8s.io/kubernetes")


def module_version(module: str) -> str:
    for line in (GO_SOURCES / "go.mod").read_text().splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == [module]:
            return words[1]
    raise PlaygroundError(f"go.mod does not name {module}")


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


def make_pki(kube: Path, folder: Path, server: str, facts: dict[str, list[str]]) -> None:
    """Write the certificates and kubeconfigs of a cluster. ``facts``: its sans and nodes."""
    lists = [f"--{name}={','.join(values)}" for name, values in facts.items()]
    run([str(kube), "pki", f"--dir={folder}", f"--server={server}", *lists])
