"""The files of one image layer, and the tar archive that they become. Reproducible."""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Folders of the old layout that Debian turned into links, and where they lead.
MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


@dataclass(frozen=True)
class File:
    """A regular file; ``content`` is the bytes or where they are."""

    content: Path | bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Folder:
    """A folder, named only when its mode matters or it would be empty."""

    mode: int = 0o755


Entry = File | Link | Folder
Tree = dict[str, Entry]  # by path without a leading slash


def merged(path: str) -> str:
    """A path as it is on a system whose /bin, /sbin and /lib are links into /usr."""
    first, _, rest = path.lstrip("/").partition("/")
    return f"{MERGED[first]}/{rest}" if first in MERGED and rest else path.lstrip("/")


def from_folder(root: Path) -> Tree:
    """Everything below a folder, as it is."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = Link(str(path.readlink()))
        elif path.is_dir():
            found[name] = Folder(path.stat().st_mode & 0o7777)
        else:
            found[name] = File(path, path.stat().st_mode & 0o7777)
    return found


def write_layer(tree: Tree, out: Path) -> None:
    """Write a tree as an uncompressed tar: sorted, owned by root, without times."""
    complete = {**_parents(tree), **tree}
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(complete):
            _add(archive, name, complete[name])


def _parents(tree: Tree) -> Tree:
    names = {str(parent) for name in tree for parent in PurePosixPath(name).parents}
    return {name: Folder() for name in names - {"."}}


def _add(archive: tarfile.TarFile, name: str, entry: Entry) -> None:
    info = tarfile.TarInfo(name)
    if isinstance(entry, Link):
        info.type, info.linkname = tarfile.SYMTYPE, entry.target
        archive.addfile(info)
    elif isinstance(entry, Folder):
        info.type, info.mode = tarfile.DIRTYPE, entry.mode
        archive.addfile(info)
    else:
        _add_file(archive, info, entry)


def _add_file(archive: tarfile.TarFile, info: tarfile.TarInfo, entry: File) -> None:
    info.mode = entry.mode
    if isinstance(entry.content, bytes):
        info.size = len(entry.content)
        archive.addfile(info, io.BytesIO(entry.content))
        return
    info.size = entry.content.stat().st_size
    with entry.content.open("rb") as source:
        archive.addfile(info, source)
