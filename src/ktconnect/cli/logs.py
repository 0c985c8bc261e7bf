"""`ktctl logs`."""

import asyncio
from datetime import datetime
from pathlib import Path

import click
from rich.text import Text

from ktconnect.background import home
from ktconnect.background.log import followed, lines, log_path, newest_first
from ktconnect.background.process import Process, processes
from ktconnect.errors import UsageError
from ktconnect.modes.report import CallEnded, Compared, Totals
from ktconnect.traffic.compare import Difference

from .comparing import block_of, totals_line
from .lines import call_line
from .listing import show
from .mine import complete
from .options import local_options, take_output
from .sections import Sectioned
from .session import until_stopped
from .telling import Event, event_of


@click.command(cls=Sectioned)
@click.argument("session", required=False, default="", shell_complete=complete)
@click.option("-f", "--follow", is_flag=True, help="Go on as it says more, until it ends.")
@local_options("text", "json")
@click.pass_context
def logs(context: click.Context, /, session: str, follow: bool, **_: object) -> int:
    """Show what a session in the background has said.

    SESSION is its name, or its process id; it may have ended. Without it: the one that runs.
    """
    output = take_output(context)
    with home.as_user():  # whom it belongs to, also under sudo
        path, process = log_of(session or only())
        for line in lines(path):
            _print(line, output)
        if follow and process is not None:
            asyncio.run(until_stopped(_follow(path, process, output)))
    return 0


def only() -> str:
    """The session that runs in the background, if there is one alone. Raises: UsageError saying
    which there are."""
    running = [process for process in processes() if process.log]
    if len(running) == 1:
        return running[0].name
    if running:
        raise UsageError(
            f"{len(running)} sessions run in the background: say which is meant",
            hint="; ".join(f"`ktctl logs {each.name}`" for each in running),
        )
    ended = next((path.stem for path in newest_first()), "")
    raise UsageError(
        "no session of yours runs in the background",
        hint=f"the last that did has ended: `ktctl logs {ended}`"
        if ended
        else "what one in the foreground says is in its terminal; --detach runs it with a log",
    )


def log_of(name: str) -> tuple[Path, Process | None]:
    """The log of a session that runs, or of one that ended. Raises: UsageError."""
    for process in processes():
        if process.is_called(name):
            if not process.log:
                raise UsageError(
                    f"{name} runs in the foreground, as process {process.owner.pid}",
                    hint="what it says is in its terminal; with --detach it would have a log",
                )
            return Path(process.log), process
    for path in newest_first():
        if path == log_path(name) or path.stem.endswith(f"-{name}") or _is_about(path, name):
            return path, None
    raise UsageError(f"there is no log of {name}", hint="`ktctl ps` shows the sessions that run")


def text_of(line: str) -> str:
    """A line of a log for a person; what is no event of ours is shown as it is."""
    event = event_of(line)
    if event is None:
        return line.rstrip("\n")
    moment = datetime.fromisoformat(event["time"]).astimezone()
    return f"{moment:%H:%M:%S} {_words(event)}"


def _words(event: Event) -> str:
    match event["event"]:
        case "step":
            mark = "✓" if event.get("good", True) else "!"
            return f"{mark} {event['result']} {event['seconds']:.1f} s"
        case "note":
            return f"· {event['message']}"
        case "warning":
            return "\n  ".join(filter(None, (f"! {event['message']}", event["hint"])))
        case "error":
            return "\n  ".join(filter(None, (f"Error: {event['message']}", event["hint"])))
        case "ready":
            head = f"Ready after {event['seconds']:.1f} s: {event['session']}"
            return "\n  ".join([head, *event["advice"]])
        case "status":
            reason = f": {event['reason']}" if event["reason"] else ""
            return " ".join(filter(None, ("●", event["target"], event["health"] + reason)))
        case "end":
            return "Ended"
        case _:
            return _traffic(event)


def _traffic(event: Event) -> str:
    """What is told of calls, as on the screen."""
    match event["event"]:
        case "call":
            return call_line(CallEnded(**_told(event)))
        case "compared":
            return "\n".join(Text.from_markup(each).plain for each in block_of(_compared(event)))
        case "totals":
            return totals_line(Totals(**_told(event)))
        case other:
            return str(other)


HEAD = ("time", "event")


def _told(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in HEAD}


def _compared(event: Event) -> Compared:
    found = (Difference(**each) for each in event["differences"])
    return Compared(**{**_told(event), "differences": tuple(found)})


def _is_about(path: Path, name: str) -> bool:
    """Whether a session of that name became ready there."""
    return any(
        (event_of(line) or {}).get("session") == name for line in lines(path) if '"ready"' in line
    )


async def _follow(path: Path, process: Process, output: str) -> None:
    async for line in followed(path, process.owner.is_alive):
        _print(line, output)


def _print(line: str, output: str) -> None:
    if output == "text":
        show(text_of(line))
    elif event_of(line) is not None:
        show(line.rstrip("\n"))
