"""Asking a session's process how it is, and listening to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from . import home
from .presence import STALE, Event
from .process import Process
from .socketfile import connected

PATIENCE: Final = 2.0
"""Seconds that a living process gets to answer."""
LONGEST: Final = 1_000_000
"""Bytes that one line may have."""

UP: Final = "up"
STARTING: Final = "starting"
SILENT: Final = "not answering"


@dataclass(frozen=True, slots=True)
class Found:
    """A session of a process, and how it is: ``state`` in a word, ``reason`` why it isn't up.

    ``facts`` are those it was ready with; ``warnings`` the last ones of its process, each with its
    ``time`` and ``message``.
    """

    process: Process
    session: str
    state: str
    reason: str = ""
    status: Event = field(default_factory=dict)
    facts: Event = field(default_factory=dict)
    warnings: tuple[Event, ...] = ()

    @property
    def is_up(self) -> bool:
        return self.state == UP

    @property
    def target(self) -> str:
        """What it is about, by its own word; also when it gives none at the moment."""
        return str(self.status.get("target") or self.process.target_of(self.session))


async def ask_all(processes: list[Process], patience: float = PATIENCE) -> list[Found]:
    """How the sessions of all of them are, asked at once."""
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(ask(process, patience)) for process in processes]
    return [found for task in asked for found in task.result()]


async def ask(process: Process, patience: float = PATIENCE) -> list[Found]:
    """How its sessions are, by its own word; one that doesn't answer in time is not up."""
    try:
        async with asyncio.timeout(patience), listening(process) as events:
            async for event in events:
                return judged(process, event)
    except TimeoutError:
        return _all(process, SILENT, f"no answer within {patience:g} s: {_kernel_says(process)}")
    except (OSError, ValueError):
        pass
    if process.owner.is_alive():
        return _all(process, STARTING, "it doesn't listen yet")
    return _all(process, "ended", "its process is gone")


def judged(process: Process, state: Event) -> list[Found]:
    """What a process's own word comes to. Pure."""
    facts, warnings = state.get("facts") or {}, tuple(state.get("warnings") or ())
    return [
        replace(each, facts=facts.get(each.session) or {}, warnings=warnings)
        for each in _states(process, state)
    ]


def _states(process: Process, state: Event) -> list[Found]:
    if state["ending"]:
        return _all(process, "ending", state["doing"])
    if not state["ready"]:
        return _all(process, STARTING, state["doing"])
    statuses = state["statuses"]
    names = process.sessions or ("",)
    if len(names) == 1:  # then it need not say of which session it speaks
        statuses = dict(zip(names, statuses.values(), strict=False))
    return [_judged(process, name, statuses.get(name)) for name in names]


def _judged(process: Process, session: str, status: Event | None) -> Found:
    if status is None:
        return Found(process, session, STARTING, "it has not told its state yet")
    if status["age"] > STALE:
        return Found(process, session, SILENT, f"its last status is {status['age']:.0f} s old")
    return Found(process, session, str(status["health"]), str(status["reason"]), status)


def _all(process: Process, state: str, reason: str) -> list[Found]:
    return [Found(process, name, state, reason) for name in process.sessions or ("",)]


@asynccontextmanager
async def listening(process: Process) -> AsyncIterator[AsyncIterator[Event]]:
    """What it says from now on: its state first, then every event until it ends.

    Raises: OSError if it doesn't listen.
    """
    with home.as_user():  # a socket that is not the user's own is nothing to talk to
        sock = connected(process.socket)
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LONGEST)
    try:
        yield _events(reader)
    finally:
        writer.close()


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[Event]:
    try:
        while line := await reader.readline():
            yield json.loads(line)
    except ConnectionError:
        return


def _kernel_says(process: Process) -> str:
    """Why a process may not answer, by proc(5)'s word."""
    try:
        with open(f"/proc/{process.owner.pid}/stat") as file:
            letter = file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "its process is gone"
    return "its process is stopped (SIGSTOP)" if letter in "Tt" else "its process hangs"
