"""What a session in the background says: files of bounded size and number."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from . import home

SUFFIX: Final = ".log"
SIZE: Final = 2_000_000
"""Bytes after which a file is put aside."""
ASIDE: Final = ".1"
KEPT: Final = 20
"""Logs of ended sessions that stay."""
DAYS: Final = 14.0
POLL: Final = 0.2
"""Seconds between two looks at a log that is followed."""


class RotatingLog:
    """Appends to a file that is also our standard output and error; at most two files of SIZE.

    Whatever else this process prints (a warning of the interpreter, a traceback) is in it too.
    """

    def __init__(self, path: Path, *, size: int = SIZE, descriptors: tuple[int, ...] = (1, 2)):
        """Raises: OSError."""
        self.path = path
        self._limit = size
        self._descriptors = descriptors
        self._open()

    def write(self, line: str) -> None:
        """Append a line. A full disk stops the log, not the session."""
        with suppress(OSError):
            os.write(self._descriptors[0], line.encode())

    def turn(self) -> None:
        """Put the file aside if it is full; to be called every now and then."""
        with suppress(OSError):
            if os.fstat(self._descriptors[0]).st_size > self._limit:
                self.path.rename(aside(self.path))
                self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        for number in self._descriptors:
            os.dup2(descriptor, number)
        os.close(descriptor)


def aside(path: Path) -> Path:
    """Where a full log is put, in place of the one before it."""
    return path.with_name(path.name + ASIDE)


def log_path(key: str) -> Path:
    """The log of ``<command>-<pid>``."""
    return home.logs() / (key + SUFFIX)


def fresh(path: Path) -> Path:
    """Make room for a new log at ``path``. Raises: OSError."""
    home.make(path.parent)
    for old in (path, aside(path)):  # of an earlier process that had our id
        old.unlink(missing_ok=True)
    return path


def sweep(living: set[str], now: float | None = None) -> None:
    """Remove the logs of ended sessions that are old, or too many. Raises: OSError."""
    ended = [path for path in newest_first() if path.stem not in living]
    oldest = (time.time() if now is None else now) - DAYS * 86_400
    for place, path in enumerate(ended):
        if place >= KEPT or _changed(path) < oldest:
            path.unlink(missing_ok=True)
            aside(path).unlink(missing_ok=True)


def newest_first() -> list[Path]:
    """All logs, without those put aside."""
    return sorted(home.logs().glob(f"*{SUFFIX}"), key=_changed, reverse=True)


def lines(path: Path) -> Iterator[str]:
    """All that a log still has, oldest first. Raises: OSError."""
    for part in (aside(path), path):
        if part.exists():
            with part.open(errors="replace") as file:
                yield from file


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


async def followed(path: Path, goes_on: Callable[[], bool]) -> AsyncIterator[str]:
    """Its lines as they are written, until it doesn't go on any more. Raises: OSError."""
    file = path.open(errors="replace")
    try:
        file.seek(0, os.SEEK_END)
        while True:
            last = not goes_on()  # asked first: what it wrote before its end is read below
            for line in file:
                yield line
            if last:
                return
            if _is_another(path, file):
                file.close()
                file = path.open(errors="replace")
            else:
                await asyncio.sleep(POLL)
    finally:
        file.close()


def _is_another(path: Path, file: TextIO) -> bool:
    """Whether the log was put aside, and another one begun."""
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:  # just between the two
        return False
