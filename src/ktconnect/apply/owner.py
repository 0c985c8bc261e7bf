"""Which process owns a journal, told apart from a later one that got the same process id."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC = Path("/proc")
NAMED = (Path("/run/netns"), Path("/run/docker/netns"))
"""Where network namespaces are kept that no process needs to be in (ip-netns(8))."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, by its id, when it started (clock ticks since boot) and in which boot."""

    pid: int
    start: str
    boot: str
    netns: str = ""

    @classmethod
    def current(cls, proc: Path = PROC) -> Self:
        """The calling process."""
        pid = os.getpid()
        return cls(pid, _start(pid, proc), _boot(proc), _netns(proc))

    @classmethod
    def parse(cls, fields: Mapping[str, object]) -> Self | None:
        """An owner as a journal names it; None if that is of a version that we don't understand.

        What it says besides is not needed to tell whether the process is alive.
        """
        pid, start, boot = (fields.get(name) for name in ("pid", "start", "boot"))
        if not (isinstance(pid, int) and isinstance(start, str) and isinstance(boot, str)):
            return None
        return cls(pid, start, boot, str(fields.get("netns", "")))

    def is_alive(self, proc: Path = PROC) -> bool:
        """Whether that very process still runs."""
        return bool(self.start) and (self.start, self.boot) == (_start(self.pid, proc), _boot(proc))

    def is_here(self, proc: Path = PROC) -> bool:
        """Whether what it changed is ours to undo.

        So it is if it ran in our network namespace, or in one that is no more: nobody else will
        ever look; and if it ran before the last boot.
        """
        if self.boot != _boot(proc) or self.netns == _netns(proc):
            return True
        return not _exists(self.netns, proc)


def _start(pid: int, proc: Path) -> str:
    """Field 22 of proc(5) stat; "" if there is no such process, or if it is a zombie."""
    try:
        # The name (field 2) is in parentheses and may hold spaces and parentheses itself.
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _boot(proc: Path) -> str:
    try:
        return (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _exists(netns: str, proc: Path) -> bool:
    """Whether a network namespace may still be there: some process is in it, or it has a name.

    Who may not look at all processes can't know that it is gone.
    """
    try:
        inodes = {f"net:[{path.stat().st_ino}]" for place in NAMED for path in place.glob("*")}
        return netns in inodes or netns in _in_use(proc)
    except PermissionError:
        return True


def _in_use(proc: Path) -> Iterator[str]:
    """The network namespace of each process. Raises: PermissionError."""
    for process in proc.glob("[0-9]*"):
        try:
            yield str((process / "ns/net").readlink())
        except PermissionError:
            raise
        except OSError:
            continue  # it has just ended


def _netns(proc: Path) -> str:
    try:
        return str((proc / "self/ns/net").readlink())
    except OSError:
        return ""
