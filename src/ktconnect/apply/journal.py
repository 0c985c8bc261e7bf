"""The undo journal: one JSON line per step, on disk before the step is taken.

The first line names the owner. A line is written with one write() and fsync()ed; a torn last
line belongs to a step that was never taken, so readers skip it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from ktconnect.errors import Conflict, KtError

from .change import Change, Entry, Json
from .owner import Owner

SUFFIX = ".jsonl"


class Journal:
    """What one session changed, oldest first."""

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path = path
        self.owner = owner

    @property
    def session(self) -> str:
        return self.path.name.removesuffix(SUFFIX)

    @classmethod
    def open(cls, directory: Path, session: str) -> Self:
        """Begin the journal of a session that the calling process runs.

        Raises: Conflict if the session has a journal already, of a living or a dead process;
        KtError if none can be written: nothing may be changed then.
        """
        try:
            return cls._begin(directory, session)
        except OSError as error:
            raise KtError(
                f"no undo journal can be written in {directory}: {error.strerror}",
                hint="nothing is changed without one: see whose the directory is, and its disk",
            ) from None

    @classmethod
    def _begin(cls, directory: Path, session: str) -> Self:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{session}{SUFFIX}"
        # Made under another name first, so that nobody meets a journal without its owner.
        draft = cls(directory / f".{session}.{os.getpid()}", Owner.current())
        draft.path.unlink(missing_ok=True)
        draft._append(asdict(draft.owner), os.O_CREAT | os.O_EXCL)
        try:
            os.link(draft.path, path, follow_symlinks=False)
        except FileExistsError:
            raise Conflict(
                f"session {session} has a journal already: {path}",
                hint="`ktctl clean` undoes what a dead session left",
            ) from None
        finally:
            draft.path.unlink()
        _sync_directory(directory)
        return cls(path, draft.owner)

    def record(self, change: Change, before: Json | None) -> None:
        """Put a step on disk; only then may it be taken."""
        self._append(asdict(Entry(change.system, change.key, before, change.after)))

    def entries(self) -> list[Entry]:
        """All steps, oldest first; none once the journal was dropped."""
        return [_entry(fields, self.path) for fields in _lines(self.path)[1:]]

    def drop(self) -> None:
        """Forget the session: all is undone."""
        self.path.unlink(missing_ok=True)
        _sync_directory(self.path.parent)

    def _append(self, fields: dict[str, Any], flags: int = 0) -> None:
        line = json.dumps(fields).encode() + b"\n"
        flags |= os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _entry(fields: dict[str, Any], path: Path) -> Entry:
    try:
        return Entry(**fields)
    except TypeError:
        raise KtError(
            f"the journal {path} is of another version of ktctl", hint="undo it with that one"
        ) from None


def stale(directory: Path) -> Iterator[Journal]:
    """The journals whose owner is gone, in name order.

    Those of other networks, and of versions that we don't understand, are not ours.
    """
    _sweep_drafts(directory)
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        lines = _lines(path)
        if not lines:  # died before its first line was whole: nothing was changed
            path.unlink(missing_ok=True)
            continue
        owner = Owner.parse(lines[0])
        if owner is not None and owner.is_here() and not owner.is_alive():
            yield Journal(path, owner)


def _sweep_drafts(directory: Path) -> None:
    """Remove what was to become a journal when its process died."""
    for path in directory.glob(".*"):
        try:
            os.kill(int(path.name.rpartition(".")[2]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except (ValueError, PermissionError):
            continue  # not ours, or alive


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        *whole, _torn = path.read_bytes().split(b"\n")
        return [json.loads(line) for line in whole]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KtError(
            f"the journal {path} can't be read: {error.strerror}", hint="see whose it is"
        ) from None
    except ValueError:
        raise KtError(
            f"the journal {path} is damaged", hint="look at it; delete it to forget the session"
        ) from None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
