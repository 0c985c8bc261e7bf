"""Builds Go programs once per version of their sources, and keeps them outside the checkout."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playground.commands import last_lines, run
from playground.errors import PlaygroundError
from playground.folders import cache

# Without debug information and inlining the build takes 40 % less CPU.
_COMPILER = "all=-dwarf=false -l"
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Programs:
    """The programs of one Go module.

    ``sources`` is the module's folder, ``made`` are the files that a whole build has, ``packages``
    says how many a build from nothing compiles, ``finish`` adds to a build what is no program.
    """

    title: str
    sources: Path
    made: tuple[str, ...]
    packages: int
    linker_flags: Callable[[], str]
    finish: Callable[[Path], None]
    prefix: str = ""

    @property
    def folder(self) -> Path:
        """Where the build of these sources is, or will be."""
        return cache() / f"{self.prefix}{key(self.sources)}"

    def is_built(self) -> bool:
        return all((self.folder / name).exists() for name in self.made)

    def build(self, progress: Progress) -> Path:
        """Build unless it is built already; ``progress`` is told the number of packages compiled.

        Returns the folder. Raises: PlaygroundError.
        """
        with _alone(cache() / ".build.lock"):
            if not self.is_built():
                self._build_beside(progress)
        return self.folder

    def _build_beside(self, progress: Progress) -> None:
        """Build in a folder beside the target and rename it: what is there is always whole."""
        if shutil.which("go") is None:
            raise PlaygroundError("Go is not installed", hint="install Go 1.26 or newer")
        for stale in cache().glob(".build-*/"):  # of builds that were killed: the lock is ours
            shutil.rmtree(stale, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=".build-", dir=cache()))
        try:
            self._compile(draft / "bin", progress)
            self.finish(draft)
            draft.chmod(0o755)
            shutil.rmtree(self.folder, ignore_errors=True)
            draft.rename(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _compile(self, target: Path, progress: Progress) -> None:
        target.mkdir(parents=True)
        command = ["nice", "go", "build", "-trimpath", "-v", f"-ldflags={self.linker_flags()}"]
        command += [f"-gcflags={_COMPILER}", "-o", f"{target}/", "./..."]
        environment = {**os.environ, **_ENVIRONMENT}
        with subprocess.Popen(
            command, cwd=self.sources, env=environment, stderr=subprocess.PIPE, text=True
        ) as building:
            assert building.stderr is not None
            said = _follow(building.stderr, progress)
        if building.returncode:
            raise PlaygroundError(f"{self.title} can't be built: {last_lines(said, 12)}")

    def version_of(self, module: str) -> str:
        """The version of a module that go.mod names, such as v1.36.3. Raises: PlaygroundError."""
        for line in (self.sources / "go.mod").read_text().splitlines():
            words = line.removeprefix("require").split()
            if words[:1] == [module]:
                return words[1]
        raise PlaygroundError(f"go.mod does not name {module}")

    def folder_of(self, module: str) -> Path:
        """Where the sources of a module are that was downloaded for a build.

        Raises: PlaygroundError.
        """
        command = ["go", "list", "-C", str(self.sources), "-m", "-f", "{{.Dir}}", module]
        found = run(command).strip()
        if not found:
            raise PlaygroundError(f"the sources of {module} are not there", hint="build again")
        return Path(found)


def _follow(lines: Iterable[str], progress: Progress) -> str:
    """Tell the progress of a build; returns the last of what it says."""
    said: deque[str] = deque(maxlen=20)
    compiled = 0
    for line in lines:
        said.append(line)
        if not line.startswith("go: downloading "):
            compiled += 1
            progress(compiled)
    return "".join(said)


def key(sources: Path) -> str:
    """What tells one version of the programs from another: the sources and how they are built.

    A module inside this one has a key of its own.
    """
    known = hashlib.sha256(_COMPILER.encode())
    for path in sorted(_files(sources)):
        known.update(f"{path.relative_to(sources)}\0".encode())
        known.update(path.read_bytes())
    return known.hexdigest()[:16]


def _files(sources: Path) -> Iterator[Path]:
    for path in sources.iterdir():
        if path.is_file():
            yield path
        elif not (path / "go.mod").exists():
            yield from _files(path)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two builds at once would only slow each other down."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
