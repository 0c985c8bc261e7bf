"""A ktctl that runs on the playground's laptop, and what it says (``-o json``)."""

import json
import signal
import threading
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from tests.cluster.patience import at_last

if TYPE_CHECKING:
    import subprocess

Event = dict[str, Any]


class Session:
    """A ``ktctl connect`` that runs, or ran."""

    def __init__(self, process: "subprocess.Popen[str]", errors: IO[str]) -> None:
        self.process = process
        self.events: list[Event] = []
        self._errors = errors
        self._stderr = ""
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._heard:
                self.events.append(event_of(line))
                self._heard.notify_all()
        with self._heard:
            self.events.append({"event": "end"})
            self._heard.notify_all()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def ready(self) -> Event:
        """The event that told it is ready."""
        return self.wait_for(lambda event: event["event"] == "ready", 0)

    @property
    def name(self) -> str:
        """Of its Lease and of all that it owns."""
        return str(self.ready["session"])

    @property
    def status(self) -> Event:
        """The newest one."""
        return next(event for event in reversed(self.events) if event["event"] == "status")

    @property
    def stderr(self) -> str:
        if not self._errors.closed:
            self._errors.seek(0)
            self._stderr = self._errors.read()
        return self._stderr

    def wait_for(
        self, wanted: Callable[[Event], bool], within: float = 30, *, after: int = 0
    ) -> Event:
        """The first event from number ``after`` on that is wanted, as soon as it is there."""
        deadline = time.monotonic() + at_last(within)
        with self._heard:
            while True:
                found = next(filter(wanted, self.events[after:]), None)
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                ended = bool(self.events) and self.events[-1]["event"] == "end"
                assert left > 0 and not ended, f"not in {at_last(within)} s:\n{self.story()}"  # noqa: PT018
                self._heard.wait(left)

    def wait_health(self, health: str, within: float = 30, *, after: int = 0) -> Event:
        """The first status with this health, from event number ``after`` on."""
        return self.wait_for(lambda event: event.get("health") == health, within, after=after)

    def story(self) -> str:
        """All it said, for a failed test."""
        return "\n".join([*map(json.dumps, list(self.events)), self.stderr])

    def stop(self, number: int = signal.SIGINT, within: float = 30) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(within)

    def wait(self, within: float = 30) -> int:
        """Wait for the end; returns the exit code."""
        code = self.process.wait(at_last(within))
        self._reader.join(at_last(within))
        return code

    def kill(self) -> None:
        """End what is left of it, whatever it was doing, and our end of its pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait(10)
        assert self.stderr is not None  # kept from here on
        assert self.process.stdout is not None
        self.process.stdout.close()


def event_of(line: str) -> Event:
    """What a line of its output tells; one that is no JSON is told as text."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": "text", "text": line}
