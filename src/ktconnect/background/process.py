"""What a session's process writes down of itself, so that other commands find it."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ktconnect.apply.owner import Owner

from . import home

PID = ".pid"
RECORD = ".json"
SOCKET = ".sock"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one command that lasts; rewritten when more is known.

    ``since`` is RFC 3339; ``sessions`` are the names of its Leases, known once they are ready, and
    ``targets`` what each of them is about, where they told; ``log`` is the file that one in the
    background writes, else "".
    """

    owner: Owner
    command: str
    target: str
    namespace: str
    context: str
    kubeconfig: str
    since: str
    sessions: tuple[str, ...] = field(default=())
    log: str = ""
    targets: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """Its files' name without the suffix."""
        return f"{self.command}-{self.owner.pid}"

    @property
    def name(self) -> str:
        """What a person calls it: its session, or, before there is one, its process."""
        return self.sessions[0] if self.sessions else self.key

    def target_of(self, session: str) -> str:
        """What one of its sessions is about; as it was called by, while that is not known."""
        known = dict(zip(self.sessions, self.targets, strict=False))
        return known.get(session) or self.target

    def is_called(self, name: str) -> bool:
        """Whether a person may mean it by ``name``: a session, ``command-pid``, or a pid."""
        return name in (*self.sessions, self.key, str(self.owner.pid))

    @property
    def pid_file(self) -> Path:
        return home.pids() / (self.key + PID)

    @property
    def socket(self) -> Path:
        return home.runs() / (self.key + SOCKET)

    def write(self) -> None:
        """Put it on disk, whole or not at all. Raises: OSError."""
        path = home.make(home.runs()) / (self.key + RECORD)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.rename(path)

    def announce(self) -> None:
        """Write the process, then the pid file that stands for it. Raises: OSError."""
        self.write()
        home.make(home.pids())
        self.pid_file.write_text(f"{self.owner.pid}\n")

    def withdraw(self) -> None:
        """Remove all its files. Raises: OSError."""
        for path in (self.pid_file, self.socket, home.runs() / (self.key + RECORD)):
            path.unlink(missing_ok=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `write` wrote. Raises: ValueError for anything else."""
        try:
            found: dict[str, Any] = json.loads(text)
            owner = Owner(**found.pop("owner"))
            sessions, targets = tuple(found.pop("sessions")), tuple(found.pop("targets", ()))
            return cls(owner, sessions=sessions, targets=targets, **found)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from None


def processes() -> list[Process]:
    """The processes of this machine that run, oldest first; what dead ones left is removed.

    Raises: HostError if the user's own files can't be read.
    """
    with home.needed():
        found = list(filter(None, map(_living, sorted(home.runs().glob(f"*{RECORD}")))))
        _sweep_pid_files()
    return sorted(found, key=lambda process: (process.since, process.key))


def _living(path: Path) -> Process | None:
    process = _read(path)
    if process is None:
        path.unlink(missing_ok=True)
    elif process.owner.is_alive():
        return process
    elif process.owner.is_here():
        process.withdraw()
    return None


def _read(path: Path) -> Process | None:
    """None for what is no process: written by another version, or torn by a full disk."""
    try:
        process = Process.parse(path.read_text())
    except (ValueError, FileNotFoundError):
        return None
    return process if process.key == path.stem else None


def _sweep_pid_files() -> None:
    """Remove those that stand for nobody: KT Connect's, or of a process that died very early."""
    for path in home.pids().glob(f"*{PID}"):
        known = (home.runs() / (path.stem + RECORD)).exists()
        if not known and not _runs(path.stem.rpartition("-")[2]):
            path.unlink(missing_ok=True)


def _runs(pid: str) -> bool:
    return not pid.isdecimal() or os.path.exists(f"/proc/{pid}")
