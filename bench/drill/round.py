"""One round: callers call, an exchange starts, serves, dies, and is undone."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.drill.calls import LAPTOP, Outcome, failures, outcome
from bench.drill.deaths import Death
from bench.drill.site import Site, wait_for
from bench.errors import BenchError

READY_WITHIN, END_WITHIN = 60.0, 60.0
SERVED, AFTERWARDS = 3.0, 3.0
"""Seconds for which callers are watched before the death, and after all is as before."""
RECOVERED = 10.0
"""Seconds for which they are watched after a death that needs no undo."""

Event = dict[str, Any]


class Exchange:
    """A ktctl on the laptop, and what it said. Closes: its output, by ``kill``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.events: list[Event] = []
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.events += (json.loads(text) for text in self.process.stdout if text.startswith("{"))

    def seconds_to_ready(self) -> float:
        """Raises: BenchError with its last words if it never was."""
        return float(wait_for("exchange is ready", self._ready, READY_WITHIN)["seconds"])

    def _ready(self) -> Event | None:
        if self.process.poll() is not None:
            why = [event for event in self.events if event["event"] == "error"]
            raise BenchError(f"exchange ended: {(why or self.events)[-1:]}")
        return next((event for event in self.events if event["event"] == "ready"), None)

    def end(self) -> None:
        """Ctrl-C for one that still runs, and its end."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise BenchError(f"exchange did not end within {END_WITHIN:g} s") from None
        finally:
            self.process.wait()
            self._reader.join()


@contextmanager
def exchanging(site: Site, restore_after: int) -> Iterator[Exchange]:
    """A running exchange; what is left of it is ended."""
    process = site.playground.laptop_popen(
        site.exchange(restore_after), text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    exchange = Exchange(process)
    try:
        yield exchange
    finally:
        exchange.end()


def drill(site: Site, death: Death, restore_after: int) -> tuple[Outcome, str]:
    """One round: what came of it, and what failed when. Raises: BenchError, PlaygroundError."""
    before = site.selector()
    site.start_callers()
    with site.local_program():
        with exchanging(site, restore_after) as exchange:
            ready = exchange.seconds_to_ready()
            wait_for("the laptop answers", lambda: _served(site), 10)
            time.sleep(SERVED)
            died = time.time()
            with death.dies(site, exchange.process):
                dead = time.time()
                restored = _restored(site, death, before, restore_after)
        wait_for("the Service is as before", lambda: site.selector() == before, END_WITHIN)
        time.sleep(AFTERWARDS)
    calls = site.calls()
    site.stop_callers()
    found = outcome(calls, died=died, dead=dead, restored=restored, ready=ready)
    return found, failures(calls, died)


def _served(site: Site) -> bool:
    return any(call.by == LAPTOP for call in site.calls(50))


def _restored(site: Site, death: Death, before: Event, restore_after: int) -> float | None:
    """When the Service was as before the exchange; None for a death that is survived."""
    if not death.restores:
        time.sleep(RECOVERED)
        return None
    back: Callable[[], bool] = lambda: site.selector() == before  # noqa: E731 - read twice
    wait_for(f"{death.name}: the Service is as before", back, restore_after + 60.0)
    return time.time()
