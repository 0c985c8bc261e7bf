"""What a user wants forwarded: ``service/web 8080:80``, ``pod/db-0 :5432``, ``db.corp:5432``. Pure.

Arguments are read from left to right: a target, then its ports, then perhaps another target.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final, Literal

from ktconnect.errors import UsageError
from ktconnect.modes.targets import SERVICE, WORDS, parse_target

HOST: Final = "host"
HINT: Final = (
    "for example: service/web 8080:80, pod/db-0 5432, deployment/web :http, db.corp:5432, "
    "dns 5353:53/udp"
)
_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"  # of a port: RFC 6335, and RFC 1123 for Services'
_LOCAL = r"(?:(?P<local>\d*):)?"
_PROTOCOL = r"(?:/(?P<protocol>tcp|udp))?"
# RFC 1123 subdomain; Kubernetes, "Object Names and IDs".
OBJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
PORT: Final = re.compile(rf"{_LOCAL}(?P<remote>{_NAME}){_PROTOCOL}", re.IGNORECASE)
ADDRESS: Final = re.compile(
    rf"{_LOCAL}(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(?P<remote>\d+){_PROTOCOL}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Port:
    """One port: ``local`` None means the same number as ``remote``, 0 a free one.

    ``remote`` is a number or a name; ``protocol`` is "" if it was not said.
    """

    text: str
    remote: str
    local: int | None = None
    protocol: Literal["tcp", "udp", ""] = ""

    @property
    def number(self) -> int:
        """The remote port's number; 0 for a name."""
        return int(self.remote) if self.remote.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Goal:
    """One target and its ports; without ports all that it has.

    ``kind`` is a Kubernetes kind, or HOST for a name or an address that the cluster reaches.
    """

    kind: str
    name: str
    ports: tuple[Port, ...] = ()

    def __str__(self) -> str:
        return self.name if self.kind == HOST else f"{word_of(self.kind)}/{self.name}"


def parse_goals(args: Sequence[str]) -> tuple[Goal, ...]:
    """The arguments of one command. Raises: UsageError."""
    goals: list[Goal] = []
    for arg in args:
        port = _port(arg) if goals else None
        if port is not None:
            goals[-1] = replace(goals[-1], ports=(*goals[-1].ports, port))
        else:
            goals.append(_goal(arg))
    if not goals:
        raise UsageError("say what to forward", hint=HINT)
    for goal in goals:
        _check(goal)
    return tuple(goals)


def word_of(kind: str) -> str:
    """A kind as a person writes it: ``service``."""
    return kind.rpartition("/")[2].lower()


def number(text: str, whole: str) -> int:
    """A port's number. Raises: UsageError if it can't be one."""
    if len(text) > 5 or not 0 < int(text) < 65536:
        raise UsageError(f"{whole}: {text} is not a port between 1 and 65535", hint=HINT)
    return int(text)


def _port(text: str) -> Port | None:
    found = PORT.fullmatch(text)
    if found is None:
        return None
    remote = found["remote"].lower()
    if remote.isdecimal():
        remote = str(number(remote, text))
    return Port(text, remote, _local(found["local"], text), _protocol(found["protocol"]))


def _local(text: str | None, whole: str) -> int | None:
    if text is None:
        return None
    return 0 if not text.strip("0") else number(text, whole)


def _protocol(text: str | None) -> Literal["tcp", "udp", ""]:
    match (text or "").lower():
        case "udp":
            return "udp"
        case "tcp":
            return "tcp"
        case _:
            return ""


def _goal(text: str) -> Goal:
    found = ADDRESS.fullmatch(text)
    if found is not None and not _is_address(text):
        remote = str(number(found["remote"], text))
        local = _local(found["local"], text)
        port = Port(text, remote, local, _protocol(found["protocol"]))
        return Goal(HOST, found["host"].strip("[]"), (port,))
    if _is_address(text) or ("." in text and "/" not in text):
        return Goal(HOST, text.strip("[]"))
    wanted = parse_target(text)
    if OBJECT.fullmatch(wanted.name) is None:
        raise UsageError(f"{text!r} is neither a target nor a port", hint=HINT)
    if wanted.word and not wanted.kind:
        words = ", ".join(dict.fromkeys(map(word_of, WORDS.values())))
        raise UsageError(f"{text}: {wanted.word} can't be forwarded", hint=f"there are {words}")
    return Goal(wanted.kind or SERVICE, wanted.name)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _check(goal: Goal) -> None:
    if goal.kind != HOST:
        return
    if not goal.ports:
        raise UsageError(f"which port of {goal.name}?", hint=f"say {goal.name}:PORT")
    named = [port.text for port in goal.ports if not port.number]
    if named:
        raise UsageError(
            f"{named[0]}: ports of {goal.name} have no names known here", hint="use its number"
        )


def check_twice(taken: Iterable[tuple[str, int]]) -> None:
    """Raises: UsageError for a local port that two would have; 0 stands for any."""
    seen: set[tuple[str, int]] = set()
    for protocol, port in taken:
        if port and (protocol, port) in seen:
            raise UsageError(
                f"local port {port}/{protocol} is wanted twice", hint="write LOCAL:REMOTE for one"
            )
        seen.add((protocol, port))
