"""A ktctl that lasts, as a child: started until it says that it is ready, ended by Ctrl-C."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from places import DemoFailed

Event = dict[str, Any]

READY_SECONDS = 60
END_SECONDS = 20
# Everything that connect may change on a laptop, as text.
LAPTOP = (
    "ip -br address; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; "
    "nft list ruleset; cat /etc/resolv.conf /etc/hosts"
)


class Running:
    """``seconds``: from its start until it was ready."""

    def __init__(self, process: subprocess.Popen[str], ready: Event, began: float) -> None:
        self._process = process
        self.events: list[Event] = []
        """What it has said since it was ready."""
        self.ready = ready
        self.seconds = time.monotonic() - began
        self.pid = process.pid

    def listen(self) -> None:
        """Keep what it says, until its end, or until nobody wants to know any more."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # it is closed meanwhile
            for line in self._process.stdout:
                self.events.append(_event(line))

    def end(self) -> float:
        """Ctrl-C; seconds until it was gone. Raises: DemoFailed if it does not end well."""
        began = time.monotonic()
        _signal(self._process, signal.SIGINT)
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"ktctl still runs {END_SECONDS} s after Ctrl-C") from None
        if code:
            raise DemoFailed(f"ktctl ended with exit code {code}")
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL, which nobody can prepare for."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait(END_SECONDS)

    def freeze(self) -> None:
        """It does nothing any more, and nobody is told, as on a laptop that is closed."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[Running]:
    """Run it, and make sure that it is gone at the end. Raises: DemoFailed."""
    began = time.monotonic()
    with subprocess.Popen([*command, "-o", "json"], stdout=subprocess.PIPE, text=True) as process:
        try:
            started = Running(process, _wait_until_ready(process), began)
            threading.Thread(target=started.listen, daemon=True).start()  # so it can go on
            yield started
        finally:
            if process.poll() is None:
                _signal(process, signal.SIGTERM)
                # Popen itself waits for a moment only, if interrupted.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(END_SECONDS)


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except PermissionError:  # it is sudo, which is root's, and passes SIGTERM on
        subprocess.run(["sudo", "kill", "-TERM", str(process.pid)], check=False)


def _wait_until_ready(process: subprocess.Popen[str]) -> Event:
    assert process.stdout is not None
    alarm = threading.Timer(READY_SECONDS, process.terminate)
    alarm.start()
    try:
        for line in process.stdout:
            event = _event(line)
            if event.get("event") == "ready":
                return event
            if event.get("event") == "error":
                raise DemoFailed(f"{event.get('message')} ({event.get('hint')})")
    finally:
        alarm.cancel()
    raise DemoFailed("ktctl ended, or took too long, before it was ready")


def _event(line: str) -> Event:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
