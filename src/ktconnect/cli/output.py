"""How a session looks: lines for a person, or one JSON object a line for a program."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from ktconnect.errors import KtError
from ktconnect.modes.report import CallEnded, Compared, Ready, Status, Totals

from .changes import as_yaml, change_lines, summed_up
from .comparing import block_of, totals_line
from .lasting import LastingStream, check_written
from .lines import call_line, status_line
from .live import LiveLines


class Said:
    """The result of a step, as the step itself tells it."""

    def __init__(self, title: str) -> None:
        self.text = title
        self.good = True

    def says(self, result: str) -> None:
        self.text = result

    def warns(self, result: str) -> None:
        self.text, self.good = result, False


class TextReporter:
    """For a person. On a terminal the last lines are alive, one for each session; elsewhere only
    changes are printed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = LiveLines(console)
        self._states: dict[str, Status] = {}
        self._steps = 0  # under way
        self._over = False

    @contextmanager
    def step(self, title: str) -> Iterator[Said]:
        """What is under way takes the place of the live lines, until there is a state again."""
        said, began = Said(title), time.monotonic()
        self._live.close()
        self._steps += 1
        try:
            with self._console.status(Text(f"{title} …"), spinner="dots"):
                yield said
        finally:
            self._steps -= 1
        took = time.monotonic() - began
        mark = "[green]✓[/]" if said.good else "[yellow]![/]"
        self._print(f"{mark} {escape(said.text)} [dim]{took:.1f} s[/]")

    def note(self, message: str, *, settles: str = "") -> None:
        self._print(f"[dim]· {escape(message)}[/]")

    def warn(self, message: str, hint: str = "") -> None:
        self._print(f"[yellow]![/] {escape(message)}" + (f"\n  {escape(hint)}" if hint else ""))

    def ready(self, *ready: Ready) -> None:
        for line in filter(None, (each.banner for each in ready)):
            self._print(f"[bold]{escape(line)}[/]")
        slowest = max(ready, key=lambda each: each.seconds)
        self._print(f"[bold green]Ready[/] after {slowest.seconds:.1f} s. {escape(slowest.ending)}")
        for line in (line for each in ready for line in each.advice):
            self._print(f"  {escape(line)}")

    def status(self, status: Status) -> None:
        before = self._states.get(status.target)
        self._states[status.target] = status
        if self._console.is_interactive:
            if not self._steps and not self._over:
                self._live.show([*map(status_line, self._states.values())])
        elif before is None or before.health != status.health:
            self._console.print(status_line(status), soft_wrap=True)

    def call(self, call: CallEnded) -> None:
        self._print(f"[dim]{datetime.now():%H:%M:%S}[/] {escape(call_line(call))}")

    def compared(self, compared: Compared) -> None:
        for line in block_of(compared):
            self._print(line)

    def totals(self, totals: Totals) -> None:
        self._print(totals_line(totals))

    def would_create(self, manifest: dict[str, Any]) -> None:
        self._print(escape(as_yaml(summed_up(manifest))))

    def would_change(self, key: str, before: Any, after: Any) -> None:
        for line in change_lines(key, before, after):
            self._print(escape(line))

    def close(self) -> None:
        """Take the live lines away for good; what was printed stays."""
        self._over = True
        self._live.close()

    def check(self) -> None:
        """Raises: KtError if not all could be written."""
        check_written(self._console.file)

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)


class JsonReporter:
    """For a program: every line is one object with its ``time`` (RFC 3339) and its ``event``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def step(self, title: str) -> Iterator[Said]:
        said, began = Said(title), time.monotonic()
        yield said
        took = round(time.monotonic() - began, 3)
        self._say("step", title=title, result=said.text, seconds=took, good=said.good)

    def note(self, message: str, *, settles: str = "") -> None:
        self._say("note", message=message, **({"settles": settles} if settles else {}))

    def warn(self, message: str, hint: str = "") -> None:
        self._say("warning", message=message, hint=hint)

    def ready(self, *ready: Ready) -> None:
        for each in ready:
            self._say("ready", **asdict(each))

    def status(self, status: Status) -> None:
        self._say("status", **asdict(status))

    def call(self, call: CallEnded) -> None:
        self._say("call", **asdict(call))

    def compared(self, compared: Compared) -> None:
        self._say("compared", **asdict(compared))

    def totals(self, totals: Totals) -> None:
        self._say("totals", **asdict(totals))

    def would_create(self, manifest: dict[str, Any]) -> None:
        self._say("create", object=manifest)

    def would_change(self, key: str, before: Any, after: Any) -> None:
        self._say("change", key=key, before=before, after=after)

    def close(self) -> None:
        """Nothing to stop."""

    def check(self) -> None:
        """Raises: KtError if not all could be written."""
        check_written(self._stream)

    def _say(self, event: str, **fields: Any) -> None:
        line = {"time": _now(), "event": event, **fields}
        self._stream.write(json.dumps(line, default=str) + "\n")
        self._stream.flush()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def console_on(stream: TextIO) -> Console:
    """As everything for a person is printed: ``:x:`` is a condition here, and never an emoji."""
    return Console(file=stream, emoji=False)


def reporter_for(output: str) -> TextReporter | JsonReporter:
    """The reporter that ``-o`` asks for."""
    stream = cast("TextIO", LastingStream(sys.stdout))
    return JsonReporter(stream) if output == "json" else TextReporter(console_on(stream))


def report_error(error: KtError, output: str) -> None:
    """Say what happened and what to do now: on standard error, or as the last JSON object."""
    if output == "json":
        line = {"time": _now(), "event": "error", "message": str(error), "hint": error.hint}
        print(json.dumps(line | {"exitCode": error.exit_code}))  # noqa: T201 - it is the output
        return
    console = console_on(sys.stderr)
    console.print(f"[bold red]Error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    if error.hint:
        console.print(f"  {escape(error.hint)}", highlight=False, soft_wrap=True)
