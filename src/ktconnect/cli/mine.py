"""The sessions of this machine as rows, and finding the one that a person names."""

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from ktconnect.background.asking import Found, ask_all
from ktconnect.background.process import Process, processes
from ktconnect.errors import UsageError

from .listing import Row

CARRIED = ("pipes", "streams", "calls", "received", "sent", "reconnections")


async def look(names: Sequence[str] = ()) -> list[Row]:
    """The sessions that run now, or those of them that are named. Raises: UsageError."""
    return [row_of(found) for found in await ask_all(chosen(names) if names else processes())]


def row_of(found: Found) -> Row:
    """A session as programs read it."""
    process = found.process
    return {
        "session": found.session,
        "mode": process.command,
        "target": found.target,
        "namespace": process.namespace,
        "context": process.context,
        "pid": process.owner.pid,
        "since": process.since,
        "state": found.state,
        "reason": found.reason,
        "mark": found.facts.get("mark", ""),
        "driver": found.facts.get("driver", ""),
        "warnings": list(found.warnings),
        "roundTrip": found.status.get("round_trip"),
        **{name: found.status.get(name) for name in CARRIED},
        "log": process.log,
    }


def chosen(names: Sequence[str]) -> list[Process]:
    """The processes of the sessions that are named, each once. Raises: UsageError."""
    running = processes()
    return list(dict.fromkeys(one(name, running) for name in names))


def one(name: str, running: list[Process]) -> Process:
    """The process that a person means. Raises: UsageError saying which there are."""
    found = next((each for each in running if each.is_called(name)), None)
    if found is None:
        known = ", ".join(sorted(each.name for each in running))
        raise UsageError(
            f"no session {name} runs on this machine",
            hint=f"there are {known}" if known else "none runs; `ktctl birdseye` shows everybody's",
        )
    return found


def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: sessions that run, and what they are about."""
    return [
        CompletionItem(each.name, help=f"{each.command} {each.target}".strip())
        for each in processes()
        if each.name.startswith(incomplete)
    ]
