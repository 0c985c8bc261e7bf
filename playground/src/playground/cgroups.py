"""Control groups of the nodes, in the first version (one tree per controller) and the second."""

import time
from pathlib import Path

from playground.plan import machine_of

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = "+cpu +cpuset +io +memory +pids"


def is_unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """The top of every tree in which a node needs a group."""
    if is_unified():
        return [ROOT]
    found = {entry.resolve() for entry in ROOT.iterdir() if (entry / "cgroup.procs").exists()}
    return sorted(path for path in found if path.name != "unified")


def create(group: str) -> list[str]:
    """Make a node's group with a leaf ``system`` for its programs; returns the leaves.

    The kubelet wants its Pods' groups beside that leaf, and CPU and memory groups alike, so the
    init joins the leaf in every tree.
    """
    leaves = []
    for top in hierarchies():
        leaf = top / group / "system"
        leaf.mkdir(parents=True, exist_ok=True)
        _open_controllers(top, leaf)
        leaves.append(str(leaf))
    return leaves


def _open_controllers(top: Path, leaf: Path) -> None:
    if is_unified():
        for folder in (top, leaf.parent):
            (folder / "cgroup.subtree_control").write_text(CONTROLLERS)
    elif (top / "cpuset.cpus").exists():
        for folder in (leaf.parent, leaf):  # empty in a new group, and then nobody may join
            for file in ("cpuset.cpus", "cpuset.mems"):
                (folder / file).write_text((top / file).read_text())


def existing(name: str) -> list[Path]:
    """Every group of playground ``name`` in every tree, also those that the kubelet made."""
    return [
        entry
        for top in [ROOT, *(folder for folder in ROOT.iterdir() if folder.is_dir())]
        for entry in top.iterdir()
        if entry.is_dir() and machine_of(name, entry.name)
    ]


def remove(group: Path) -> None:
    """Remove a group and all below it, waiting a moment for dying processes to leave it."""
    deadline = time.monotonic() + 5
    while group.exists() and time.monotonic() < deadline:
        folders = [folder for folder in group.rglob("*") if folder.is_dir()]
        for folder in sorted(folders, key=lambda path: -len(path.parts)):
            _try_rmdir(folder)
        if not _try_rmdir(group):
            time.sleep(0.02)


def _try_rmdir(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
