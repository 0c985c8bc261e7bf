"""Whether the programs here take the calls that come for them, and what becomes of those if not.

Known by the calls themselves: nothing is dialled for it, since a program may take one connection
alone. That it listens again the kernel tells, where it can, before the next call does.
"""

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ktconnect.modes.checks.sockets import listens
from ktconnect.modes.report import Reporter, Status
from ktconnect.objects.ports import PortMap
from ktconnect.tunnel.answer import CallRecord
from ktconnect.wire.target import Target

ABSENT: Final = (os.strerror(errno.ECONNREFUSED).lower(), os.strerror(errno.ENOENT).lower())
"""Why a call was not taken where no program is: at a port, at the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class Silence:
    """``why`` a program takes no calls. ``was_seen``: it seemed to listen all the same, so that
    nothing but a call can tell that it does again."""

    why: str
    was_seen: bool


class Programs:
    """Those of one session, by their targets. ``sees``: whether one is seen to listen."""

    def __init__(self, sees: Callable[[Target], bool] = listens) -> None:
        self._sees = sees
        self._silent: dict[Target, Silence] = {}
        self._told: dict[Target, str] = {}

    def ended(self, record: CallRecord) -> None:
        """A call is over."""
        if record.refusal:
            self.refused(record.target, record.refusal)
        elif record.taken:
            self.reached(record.target)

    def refused(self, target: Target, why: str) -> None:
        """A call was not taken."""
        if target not in self._silent and target.kind != "udp":
            self._silent[target] = Silence(why, self._sees(target))

    def reached(self, target: Target) -> None:
        """A call was taken."""
        self._silent.pop(target, None)

    def tell(self, reporter: Reporter, fate: Callable[[Target], str]) -> None:
        """Say what has changed since the last time. ``fate``: what becomes of calls meanwhile."""
        for target, silence in [*self._silent.items()]:
            if not silence.was_seen and self._sees(target):
                self.reached(target)
        for target in sorted(self._silent.keys() - self._told.keys(), key=place):
            self._told[target] = absence(target, self._silent[target].why)
            reporter.warn(self._told[target], fate(target))
        for target in sorted(self._told.keys() - self._silent.keys(), key=place):
            warning = self._told.pop(target)
            reporter.note(
                f"a program listens on {place(target)}: calls come to it", settles=warning
            )

    def shown(self, status: Status) -> Status:
        """The state of the session with what its programs lack."""
        if not self._silent:
            return status
        absent = [absence(target, silence.why) for target, silence in self._silent.items()]
        silent = tuple(map(place, self._silent))
        return replace(status, reason=status.reason or "; ".join(absent), silent=silent)


def absence(target: Target, why: str) -> str:
    """``nothing listens on 127.0.0.1:8080``."""
    if why in ABSENT:
        return f"nothing listens on {place(target)}"
    return f"{place(target)} takes no calls: {why}"


def place(target: Target) -> str:
    """A target on the laptop's side, for a person: ``127.0.0.1:8080``, ``/run/app.sock``."""
    return str(target).partition(":")[2]


def fate_of(
    target: Target, mode: str, ports: Iterable[PortMap], origins: Mapping[PortMap, str]
) -> str:
    """What becomes of calls that the program here does not take. ``origins``: as for the agent."""
    if mode == "mirror":
        return "copies are dropped until a program does; callers notice nothing of it"
    if all(origins.get(port) for port in ports if port.target == target):
        return "callers get the original's answers until a program does"
    return "callers are turned away until a program does"
