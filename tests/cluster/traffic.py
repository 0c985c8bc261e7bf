"""What programs of the laptop see while something happens to their way into the cluster."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.cluster import Playground
from tests.cluster.patience import at_last

PROGRAM = str(Path(__file__).with_name("traffic_on_laptop.py"))


@dataclass(frozen=True)
class Outcome:
    """One request, or the whole life of a connection; times are seconds since the epoch."""

    kind: str
    target: str
    began: float
    ended: float
    problem: str

    @property
    def ok(self) -> bool:
        return not self.problem

    @property
    def names(self) -> tuple[str, str, str]:
        """What it may be called: its kind, its target, the first label of that."""
        return self.kind, self.target, self.target.partition(".")[0]

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Traffic:
    """Goes on until ``close``."""

    def __init__(self, cluster: Playground, orders: tuple[str, ...]) -> None:
        command = [sys.executable, PROGRAM, *orders]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = cluster.laptop_popen(command, text=True, **pipes)
        self._heard = threading.Condition()
        self.outcomes: list[Outcome] = []
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._heard:
                self.outcomes.append(Outcome(**json.loads(line)))
                self._heard.notify_all()

    def of(self, kind: str, after: float = 0.0, before: float = float("inf")) -> list[Outcome]:
        """Those that began in this time."""
        found = [each for each in list(self.outcomes) if kind in each.names]
        return [each for each in found if after <= each.began < before]

    def wait_ok(self, kind: str, after: float = 0.0, within: float = 20) -> Outcome:
        """The first that began after this moment and went well."""
        return self._wait(lambda: [each for each in self.of(kind, after) if each.ok], within)

    def wait_end(self, kind: str, within: float = 20) -> Outcome:
        """How a connection that was kept open has ended."""
        return self._wait(lambda: self.of(kind), within)

    def _wait(self, found: Callable[[], list[Outcome]], within: float) -> Outcome:
        with self._heard:
            done = self._heard.wait_for(found, at_last(within))
        assert done, f"not within {at_last(within)} s: {self.outcomes[-20:]}"
        return done[0]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(at_last(10))
        self._reader.join(at_last(10))
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextlib.contextmanager
def traffic(cluster: Playground, *orders: str) -> Iterator[Traffic]:
    """``http=10.96.0.7:80 udp=… name=… open=… idle=…``, see the program; each went well once."""
    began = time.time()
    going = Traffic(cluster, orders)
    try:
        for order in orders:
            kind, _, target = order.partition("=")
            if kind not in ("open", "idle"):
                going.wait_ok(target, began)
        yield going
    finally:
        going.close()
