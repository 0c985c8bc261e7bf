"""``--detach``: a command that lasts goes on in the background once it is ready."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from ktconnect.background import home
from ktconnect.background.fork import Caller, ask_to_end, exit_code, spawn
from ktconnect.background.log import RotatingLog, fresh, log_path, sweep
from ktconnect.background.presence import Presence, announced
from ktconnect.background.process import Process, processes
from ktconnect.errors import KtError, UsageError

from .output import report_error, reporter_for
from .sections import SESSION, flag
from .telling import Event, Replay, error_line, event_of, ready_of

INTERRUPTED = 130
LAST_LINES = 20

Begin = Callable[[], Process]
InBackground = Callable[[Presence], None]

detach_option = flag(
    "--detach",
    section=SESSION,
    is_flag=True,
    help="Go on in the background once it is ready; see `ktctl ps`.",
)


def check_not_detached(context: click.Context) -> None:
    """For a dry run, which says what would be done and ends. Raises: UsageError."""
    if context.params["detach"]:
        raise UsageError(
            "--dryRun and --detach exclude each other",
            hint="a dry run ends at once: there is nothing to go on with in the background",
        )


def run_detached(output: str, command: str, begin: Begin, run: InBackground) -> int:
    """Run in a process of its own; show what it says until it is ready, or has failed.

    Returns: 0 once it is ready, else its exit code; 130 if we were interrupted before.
    Raises: HostError if there can be no process; KtError if it dies without a word.
    """
    pid, reading = spawn(lambda caller: _in_background(caller, begin, run))
    log = log_path(f"{command}-{pid}")
    follower = _Follower(output, pid, log)
    interrupted = _hear(reading, pid, follower)
    if follower.is_ready:
        return 0
    code = exit_code(pid)
    if not follower.has_failed and not interrupted:
        _show_last_words(log, code)
    return INTERRUPTED if interrupted else code or 1


def _in_background(caller: Caller, begin: Begin, run: InBackground) -> int:
    try:
        process = begin()
        with home.needed():
            log = RotatingLog(fresh(log_path(process.key)))
            sweep({each.key for each in processes()} | {process.key})
        with announced(replace(process, log=str(log.path))) as presence:
            presence.listeners += [_Chronicle(log).hear, _told_until_ready(caller)]
            run(presence)
    except KtError as error:
        caller.tell(error_line(error))
        return error.exit_code
    return 0


class _Chronicle:
    """Keeps what is worth keeping: of statuses, which come every second, the changes."""

    def __init__(self, log: RotatingLog) -> None:
        self._log = log
        self._health = ""

    def hear(self, line: str) -> None:
        self._log.turn()
        event = event_of(line) or {}
        health = event.get("health", "")
        if event.get("event") in ("begin", "serving") or (health and health == self._health):
            return
        self._health = health or self._health
        self._log.write(line)


def _told_until_ready(caller: Caller) -> Callable[[str], None]:
    def hear(line: str) -> None:
        event = event_of(line) or {}
        if event.get("event") != "error":  # told once, by whoever catches it
            caller.tell(line)
        if event.get("event") == "serving":
            caller.leave()

    return hear


class _Follower:
    """Shows in the caller's terminal what the new process says."""

    def __init__(self, output: str, pid: int, log: Path) -> None:
        self._json = output == "json"
        self._pid = pid
        self._log = log
        self._reporter = reporter_for(output)
        self._replay = Replay(self._reporter)
        self._readies: list[Event] = []
        self.is_ready = False
        self.has_failed = False

    def show(self, line: str) -> None:
        event = event_of(line)
        if event is None:
            return
        match event["event"]:
            case "ready":
                self._readies.append(event)
            case "serving":
                self.is_ready = True
                self._ready()
            case "error":
                self.has_failed = True
                self._failed(event)
            case _ if not self._json:
                self._replay.show(event)
            case "begin":
                pass
            case _:
                self._print(event)

    def close(self) -> None:
        """Raises: KtError if what it said could not be written."""
        self._replay.close()
        self._reporter.close()
        self._reporter.check()

    def _failed(self, event: Event) -> None:
        if self._json:
            self._print(event)
            return
        self._replay.close()
        report_error(KtError(event["message"], hint=event["hint"]), "text")

    def _ready(self) -> None:
        """How to find it again: all of its sessions are of one process."""
        name = self._readies[0]["session"] if self._readies else str(self._pid)
        if self._json:
            more = {"ending": f"Stop with `ktctl stop {name}`.", "pid": self._pid}
            for event in self._readies:
                self._print({**event, **more, "log": str(self._log)})
            return
        ending = f"It goes on as process {self._pid}: `ktctl stop {name}` ends it."
        self._reporter.ready(*(ready_of(event, ending) for event in self._readies))
        self._reporter.note(f"`ktctl logs {name}` shows {self._log}")

    def _print(self, event: Event) -> None:
        print(json.dumps(event), flush=True)  # noqa: T201 - it is the output


def _hear(reading: int, pid: int, follower: _Follower) -> bool:
    """Show all that is said; returns whether we were interrupted, and had it end therefore."""
    interrupted = False
    with closing(follower), os.fdopen(reading, errors="replace") as lines:
        while True:
            try:
                for line in lines:
                    follower.show(line)
                return interrupted
            except KeyboardInterrupt:
                interrupted = True
                ask_to_end(pid)


def _show_last_words(log: Path, code: int) -> None:
    """It died without a word of ours: what it printed is in its log."""
    words = log.read_text(errors="replace").splitlines() if log.exists() else []
    raise KtError(
        "\n".join([f"the new process ended with {code}", *words[-LAST_LINES:]]),
        hint="without --detach it says more",
    )
