"""Being the user again after ``sudo ktctl``, once what needs root was handed to the helper."""

import os
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ktconnect
from ktconnect.errors import HostError

PROGRAM = (os.__file__, ktconnect.__file__)


@dataclass(frozen=True, slots=True)
class User:
    """Whom sudo(8) was run by; ``home`` is where their kubeconfig and ~/.kt are."""

    uid: int
    gid: int
    name: str
    home: str


def invoking_user(environ: Mapping[str, str] = os.environ) -> User | None:
    """The user behind sudo; None if there is none, or if it is root."""
    uid, gid = environ.get("SUDO_UID", ""), environ.get("SUDO_GID", "")
    if not (uid.isdecimal() and gid.isdecimal()) or uid == "0":
        return None
    try:
        entry = pwd.getpwuid(int(uid))
    except KeyError:  # not in passwd: a container's or a directory service's user
        return User(int(uid), int(gid), environ.get("SUDO_USER", uid), "/")
    return User(int(uid), int(gid), entry.pw_name, entry.pw_dir)


def drop_privileges(user: User) -> None:
    """Become the user for good: groups, ids and environment. Raises: OSError if not root."""
    os.setgroups(os.getgrouplist(user.name, user.gid))
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    os.environ.update(HOME=user.home, USER=user.name, LOGNAME=user.name)


def check_readable(user: User, files: Iterable[str] = PROGRAM) -> None:
    """Whether Python and ktctl can go on loading modules as ``user``, whom we have become.

    Raises: HostError if they are where only root may look.
    """
    hidden = [file for file in files if not os.access(file, os.R_OK)]
    if hidden:
        raise HostError(
            f"{user.name} may not read the program that root runs: {os.path.dirname(hidden[0])}",
            hint=f"install ktctl as {user.name} (`pipx install`), then run it with sudo again",
        )
