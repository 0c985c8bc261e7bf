"""A reporter for the tests: it remembers what it was told."""

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ktconnect.modes.report import CallEnded, Compared, Ready, Totals


class Remembering:
    def __init__(self):
        self.steps, self.notes, self.warnings, self.states = [], [], [], []
        self.settled: list[str] = []
        self.calls: list[CallEnded] = []
        self.created, self.changed = [], []
        self.comparisons: list[Compared] = []
        self.sums: list[Totals] = []
        self.next_ready: asyncio.Queue[Ready] = asyncio.Queue()

    @contextmanager
    def step(self, title):
        said = Said(title)
        yield said
        self.steps.append(said.text)

    def note(self, message, *, settles=""):
        self.notes.append(message)
        self.settled += [settles] if settles else []

    def warn(self, message, hint=""):
        self.warnings.append((message, hint))

    def ready(self, *ready):
        for each in ready:
            self.next_ready.put_nowait(each)

    def would_create(self, manifest):
        self.created.append(manifest)

    def would_change(self, key, before, after):
        self.changed.append((key, before, after))

    def status(self, status):
        self.states.append(status)

    def call(self, call):
        self.calls.append(call)

    def compared(self, compared):
        self.comparisons.append(compared)

    def totals(self, totals):
        self.sums.append(totals)


class Said:
    def __init__(self, text):
        self.text = text

    def says(self, result):
        self.text = result

    def warns(self, result):
        self.text = f"! {result}"
