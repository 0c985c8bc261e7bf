"""Files of Debian packages and the libraries that they load."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from playground.commands import output_of, run
from playground.errors import PlaygroundError
from playground.images.tree import File, Link, Tree, merged

# What nothing in a container reads.
_LEFT_OUT = re.compile(
    r"/(usr/share/(doc|man|lintian|locale|bug|bash-completion)|__pycache__|test|tests|idlelib|"
    r"lib2to3|pydoc_data|turtledemo|tkinter)(/|$)"
)
_LIBRARY = re.compile(r"(/\S+) \(0x")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of packages here, installed or to be had. Raises: PlaygroundError.

    Each tool is asked once for all of them: apt-cache takes half a second whatever it is asked.
    """
    wanted = list(packages)
    found = _installed(wanted)
    if missing := [package for package in wanted if package not in found]:
        found |= _candidates(missing)
    for package in wanted:
        if package not in found:
            raise PlaygroundError(
                f"there is no Debian package {package}", hint="run `apt-get update` as root"
            )
    return found


def _installed(packages: list[str]) -> dict[str, str]:
    """Without those of which only the configuration is left."""
    query = ["dpkg-query", "-W", "-f=${db:Status-Status} ${Package} ${Version}\n", *packages]
    rows = [line.split(" ") for line in output_of(query).splitlines()] if packages else []
    return {name: version for status, name, version in rows if status == "installed"}


def _candidates(packages: list[str]) -> dict[str, str]:
    policy = run(["apt-cache", "policy", *packages])
    return dict(re.findall(r"^(\S+):\n(?:  .*\n)*?  Candidate: (\d\S*)$", policy, re.MULTILINE))


def python_version() -> str:
    """Version of the system's Python as its packages are named, such as 3.11."""
    name = os.path.basename(os.path.realpath("/usr/bin/python3"))
    return name.removeprefix("python")


def tree_of(packages: list[str], staging: Path) -> Tree:
    """Files of packages with all libraries. Packages not installed are unpacked in ``staging``."""
    found: Tree = {}
    installed = _installed(packages)
    absent = [package for package in packages if package not in installed]
    for package in packages:
        if package not in absent:
            found |= _tree_of_paths(_listed(package), Path("/"))
    if absent:
        _unpack(absent, staging)
        found |= _tree_of_paths(_below(staging), staging)
    return {**libraries(found, staging), **found}


def _listed(package: str) -> list[str]:
    return run(["dpkg-query", "-L", package]).splitlines()


def _unpack(packages: list[str], staging: Path) -> None:
    archives = staging.with_suffix(".debs")
    archives.mkdir(parents=True, exist_ok=True)
    run(["sh", "-c", f'cd {archives} && apt-get download "$@"', "sh", *packages])
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(staging)])


def _below(root: Path) -> list[str]:
    return [f"/{path.relative_to(root)}" for path in sorted(root.rglob("*"))]


def _tree_of_paths(paths: list[str], root: Path) -> Tree:
    wanted = [path for path in paths if not _LEFT_OUT.search(path)]
    return {merged(path): entry for path in wanted if (entry := _entry(root, path)) is not None}


def _entry(root: Path, path: str) -> File | Link | None:
    actual = root / path.lstrip("/")
    if actual.is_symlink():
        return Link(str(actual.readlink()))
    if actual.is_file():
        return File(actual, actual.stat().st_mode & 0o755)
    return None


def libraries(tree: Tree, staging: Path) -> Tree:
    """The shared libraries that the programs of a tree load, each under its own name."""
    programs = [str(path) for path in _sources(tree) if _is_elf(path)]
    if not programs:
        return {}
    folders = [staging / "usr/lib" / _triplet(), staging / "lib" / _triplet()]
    search = ":".join(str(folder) for folder in folders)
    command = ["env", f"LD_LIBRARY_PATH={search}", "sh", "-c", 'ldd "$@" 2>/dev/null; :', "sh"]
    listed = set(_LIBRARY.findall(run([*command, *programs])))
    return {_in_image(path, staging): File(Path(os.path.realpath(path)), 0o755) for path in listed}


def _in_image(path: str, staging: Path) -> str:
    inside = path.removeprefix(str(staging))
    return merged(os.path.normpath(inside))


def _sources(tree: Tree) -> list[Path]:
    entries = (entry for entry in tree.values() if isinstance(entry, File))
    return [entry.content for entry in entries if isinstance(entry.content, Path)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(4) == b"\x7fELF"


def _triplet() -> str:
    return f"{os.uname().machine}-linux-gnu"
