"""Which process owns a journal, told apart from a later one that got the same process id."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC = Path("/proc")


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

    def is_alive(self, proc: Path = PROC) -> bool:
        """Whether that very process still runs."""
        return bool(self.start) and (self.start, self.boot) == (_start(self.pid, proc), _boot(proc))

    def is_here(self, proc: Path = PROC) -> bool:
        """Whether it ran in our network namespace, or before the last boot: we see its files."""
        return self.boot != _boot(proc) or self.netns == _netns(proc)


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


def _netns(proc: Path) -> str:
    try:
        return str((proc / "self/ns/net").readlink())
    except OSError:
        return ""
