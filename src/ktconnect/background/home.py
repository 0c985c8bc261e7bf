"""Where ktctl keeps its files on this machine: ``~/.kt`` of the user, also behind sudo."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ktconnect.errors import HostError
from ktconnect.host.privileges import User, invoking_user


def folder() -> Path:
    """``~/.kt`` of the user who runs us, of the one behind sudo while we are root."""
    user = _behind_sudo()
    return Path(user.home if user else os.environ.get("HOME") or "/") / ".kt"


def pids() -> Path:
    """Where the pid files are, as KT Connect had them: ``<command>-<pid>.pid``."""
    return folder() / "pid"


def runs() -> Path:
    """What running sessions tell of themselves: ``.json`` once, ``.sock`` when asked."""
    return folder() / "run"


def logs() -> Path:
    """What sessions in the background said."""
    return folder() / "log"


@contextmanager
def as_user() -> Iterator[None]:
    """Touch files as the user behind sudo: they are theirs, and only where they may make any.

    Root who follows a path that a user made writes wherever its links lead.
    """
    user = _behind_sudo()
    if user is None or os.geteuid() == user.uid:  # it may be nested
        yield
        return
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(user.name, user.gid))
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextmanager
def needed() -> Iterator[None]:
    """As `as_user`, for files without which it can't go on. Raises: HostError for an OSError."""
    try:
        with as_user():
            yield
    except OSError as error:
        raise HostError(
            f"{error.filename or folder()} can't be used: {error.strerror}",
            hint="ktctl keeps what it must remember in ~/.kt: see whose it is, and its disk",
        ) from None


def make(directory: Path) -> Path:
    """``directory``, for its owner's eyes alone; made if it isn't there. Raises: OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _behind_sudo() -> User | None:
    return invoking_user() if os.getuid() == 0 else None
