"""What a mode says, told to several at once, and told again from its lines."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from ktconnect.errors import KtError
from ktconnect.modes.report import CallEnded, Compared, Ready, Reporter, Status, Step, Totals

from .output import JsonReporter, Said

Event = dict[str, Any]
Say = Callable[[str], object]


class Both:
    """A reporter that tells two."""

    def __init__(self, first: Reporter, second: Reporter) -> None:
        self._all = (first, second)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        with self._all[0].step(title) as one, self._all[1].step(title) as two:
            yield _BothSay(one, two)

    def note(self, message: str, *, settles: str = "") -> None:
        for reporter in self._all:
            reporter.note(message, settles=settles)

    def warn(self, message: str, hint: str = "") -> None:
        for reporter in self._all:
            reporter.warn(message, hint)

    def ready(self, *ready: Ready) -> None:
        for reporter in self._all:
            reporter.ready(*ready)

    def status(self, status: Status) -> None:
        for reporter in self._all:
            reporter.status(status)

    def call(self, call: CallEnded) -> None:
        for reporter in self._all:
            reporter.call(call)

    def compared(self, compared: Compared) -> None:
        for reporter in self._all:
            reporter.compared(compared)

    def totals(self, totals: Totals) -> None:
        for reporter in self._all:
            reporter.totals(totals)

    def would_create(self, manifest: dict[str, Any]) -> None:
        for reporter in self._all:
            reporter.would_create(manifest)

    def would_change(self, key: str, before: Any, after: Any) -> None:
        for reporter in self._all:
            reporter.would_change(key, before, after)


class _BothSay:
    def __init__(self, *steps: Step) -> None:
        self._steps = steps

    def says(self, result: str) -> None:
        for step in self._steps:
            step.says(result)

    def warns(self, result: str) -> None:
        for step in self._steps:
            step.warns(result)


class _Lines:
    """The part of a text stream that a reporter writes to."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def write(self, text: str) -> int:
        self._say(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


class Published(JsonReporter):
    """Every event as a line for ``say``.

    Told besides: that a step ``begin``s, and, after the last ``ready``, that all is ``serving``.
    """

    def __init__(self, say: Say) -> None:
        super().__init__(cast("TextIO", _Lines(say)))

    @contextmanager
    def step(self, title: str) -> Iterator[Said]:
        self._say("begin", title=title)
        with super().step(title) as said:
            yield said

    def ready(self, *ready: Ready) -> None:
        super().ready(*ready)
        self._say("serving")


class Replay:
    """Shows on a reporter what a mode in another process says, from its events."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._steps: dict[str, tuple[ExitStack, Step]] = {}

    def show(self, event: Event) -> None:
        """One event; those that are for programs alone are left out."""
        match event["event"]:
            case "begin":
                stack = ExitStack()
                said = stack.enter_context(self._reporter.step(event["title"]))
                self._steps[event["title"]] = (stack, said)
            case "step":
                self._end_step(event)
            case "note":
                self._reporter.note(event["message"])
            case "warning":
                self._reporter.warn(event["message"], event["hint"])
            case _:
                pass

    def close(self) -> None:
        """Give up steps that never came to their end."""
        lost = KtError("the other process has ended")
        while self._steps:
            stack, _ = self._steps.popitem()[1]
            stack.__exit__(KtError, lost, None)

    def _end_step(self, event: Event) -> None:
        """Several may be under way at the same time, told apart by their titles."""
        if event["title"] in self._steps:
            stack, said = self._steps.pop(event["title"])
            (said.says if event.get("good", True) else said.warns)(event["result"])
            stack.close()


def ready_of(event: Event, ending: str) -> Ready:
    """The Ready that an event tells of."""
    known = {field.name for field in fields(Ready)}
    told = {name: value for name, value in event.items() if name in known}
    return Ready(**{**told, "advice": tuple(told["advice"]), "ending": ending})


def line_of(event: str, **told: Any) -> str:
    """An event as a line, as `-o json` prints it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, "event": event, **told}) + "\n"


def error_line(error: KtError) -> str:
    """The event of a mode that failed."""
    return line_of("error", message=str(error), hint=error.hint, exitCode=error.exit_code)


def event_of(line: str) -> Event | None:
    """What a line says; None if it is no event, but something that a library printed."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
