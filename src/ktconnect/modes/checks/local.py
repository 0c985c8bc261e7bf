"""Whether anything listens on this machine where callers are to come, before they do."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ktconnect.objects.ports import LOOPBACK, PortMap
from ktconnect.wire.target import Target

from .seen import Finding
from .sockets import PROC, bound

LOOPBACK6: Final = "::1"
LIMIT: Final = 2.0
"""Seconds that a target on another machine gets to answer."""
AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Checked:
    """The same ports, each with the address at which it answers; and what was found."""

    ports: tuple[PortMap, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What a target is there for, and what becomes of calls while nothing listens there."""

    purpose: str
    fate: str


INSTEAD: Final = Meanwhile("is to answer", "until it listens, callers pass on to the original Pods")
ALONE: Final = Meanwhile("is to answer", "until it listens, callers are turned away")
COPIES: Final = Meanwhile(
    "is to get the copies of", "until it listens, copies are dropped; callers notice nothing of it"
)


async def check_local(
    ports: Iterable[PortMap],
    *,
    skip: bool = False,
    meanwhile: Meanwhile = INSTEAD,
    proc: Path = PROC,
) -> Checked:
    """Dial every TCP target once, look for a bound socket for UDP.

    A process that listens on ``::1`` alone is found there. ``skip`` makes warnings of refusals,
    which say what happens ``meanwhile``.
    """
    given = tuple(ports)
    gate = asyncio.Semaphore(AT_ONCE)
    answers: dict[Target, Answer] = {}

    async def ask(target: Target) -> None:
        async with gate:
            answers[target] = await _ask(target, proc)

    async with asyncio.TaskGroup() as tasks:
        for target in dict.fromkeys(port.target for port in given if port.target):
            tasks.create_task(ask(target))
    checked = tuple(
        replace(port, target=answers[port.target].target) if port.target else port for port in given
    )
    silent = (port for port in given if port.target and answers[port.target].why)
    return Checked(checked, tuple(_findings(silent, answers, meanwhile, skip=skip)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of looking: where it answers, or ``why`` it does not."""

    target: Target
    why: str = ""


async def _ask(target: Target, proc: Path) -> Answer:
    if target.kind == "udp":
        return _ask_udp(target, proc)
    answer = await _dial(target)
    if answer.why and target.host == LOOPBACK:
        other = await _dial(replace(target, host=LOOPBACK6))
        return answer if other.why else other
    return answer


async def _dial(target: Target) -> Answer:
    try:
        async with asyncio.timeout(LIMIT):
            if target.kind == "unix":
                _, writer = await asyncio.open_unix_connection(target.host)
            else:
                _, writer = await asyncio.open_connection(target.host, target.port)
    except TimeoutError:
        return Answer(target, f"it does not answer within {LIMIT:g} s")
    except socket.gaierror:
        return Answer(target, "its name is not known here")
    except OSError as error:
        return Answer(target, _reason(error, target))
    writer.transport.abort()
    return Answer(target)


def _reason(error: OSError, target: Target) -> str:
    if error.errno == errno.ENOENT:
        return "there is no such socket"
    if error.errno == errno.ECONNREFUSED or (target.kind == "tcp" and error.errno is None):
        return "nothing listens there"
    return (error.strerror or str(error)).lower()


def _ask_udp(target: Target, proc: Path) -> Answer:
    """UDP has no answer to wait for; sockets of other machines can't be looked at."""
    found = list(bound("udp", target.port, proc))
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        return Answer(target)
    if not address.is_loopback or not (proc / "udp").exists():
        return Answer(target)
    if any(each.is_unspecified or each == address for each in found):
        return Answer(target)
    if ipaddress.ip_address(LOOPBACK6) in found and target.host == LOOPBACK:
        return Answer(replace(target, host=LOOPBACK6))
    return Answer(target, "nothing listens there")


def _findings(
    silent: Iterable[PortMap], answers: dict[Target, Answer], meanwhile: Meanwhile, *, skip: bool
) -> Iterator[Finding]:
    ports: dict[Target, list[str]] = {}
    for port in silent:
        assert port.target, "only those are silent"
        ports.setdefault(port.target, []).append(str(port.service_port))
    for target, numbers in ports.items():
        where = target.host if target.kind == "unix" else str(target).partition(":")[2]
        which = f"port{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
        message = f"{where}, which {meanwhile.purpose} {which}: {answers[target].why}"
        if skip:
            yield Finding("warn", message, meanwhile.fate)
        else:
            yield Finding("refuse", message, "start your program, or use --skipPortChecking")
