"""CPU time and memory of processes, from /proc."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Process:
    """One process as it was at one moment."""

    pid: int
    parent: int
    cpu: float  # seconds, user and system
    memory: int  # bytes resident
    words: tuple[str, ...]  # its command line
    cgroup: str


Processes = Mapping[int, Process]


def everything() -> Processes:
    """All processes of this machine. One that ends meanwhile is left out."""
    return {process.pid: process for process in _read()}


def _read() -> Iterator[Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield parse(int(folder.name), *_files(folder))
            except (FileNotFoundError, ProcessLookupError):
                continue


def _files(folder: Path) -> tuple[str, str, str]:
    return tuple(
        (folder / name).read_text(errors="replace") for name in ("stat", "cmdline", "cgroup")
    )  # type: ignore[return-value]  # three names, three texts


def parse(pid: int, stat: str, command: str, cgroup: str) -> Process:
    """A process from the text of its files (proc(5)); the name in ``stat`` may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        cpu=(int(fields[11]) + int(fields[12])) / TICKS,
        memory=int(fields[21]) * PAGE,
        words=tuple(command.rstrip("\0").split("\0")),
        cgroup=cgroup,
    )


def tree(found: Processes, roots: Iterable[int]) -> set[int]:
    """The roots and all that descends from them."""
    known = set(roots) & set(found)
    while more := {p.pid for p in found.values() if p.parent in known} - known:
        known |= more
    return known


def of_pod(found: Processes, uid: str) -> set[int]:
    """The processes of a Pod's containers; its pause process doesn't count."""
    return {p.pid for p in found.values() if uid and uid in p.cgroup and p.words != ("/pause",)}


def of_programs(found: Processes, cgroup: str, programs: Iterable[str]) -> set[int]:
    """The processes of a node's programs, named by a word of their command line."""
    names = set(programs)
    here = (p for p in found.values() if cgroup in p.cgroup and "/kubepods" not in p.cgroup)
    return {p.pid for p in here if names & {os.path.basename(word) for word in p.words[:2]}}


def cpu(before: Processes, after: Processes, pids: Iterable[int]) -> float:
    """Seconds that processes used between two moments."""
    spent = (after[pid].cpu - (before[pid].cpu if pid in before else 0) for pid in pids)
    return sum(spent)


def memory(found: Processes, pids: Iterable[int]) -> float:
    """Resident memory of processes together, in MB (10^6 bytes); shared pages count each time."""
    return sum(found[pid].memory for pid in pids) / 1e6


def descriptors(pids: Iterable[int]) -> int:
    """Open file descriptors of processes together."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
