"""Callers in the cluster: a Pod that calls a Service all the time, and what it saw."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playground import images
from playground.cluster import Playground
from tests.cluster.patience import at_last

LAPTOP = "laptop"
CALLERS = "callers"
PROGRAM = Path(__file__).parents[2] / "bench" / "drill" / "callers.py"
ECHO = Path(images.__file__).parent / "builtin" / "echo" / "echo.py"
LOOK = 0.5
"""Seconds between two looks: each starts a kubectl, which must not become the load itself."""


@dataclass(frozen=True)
class Call:
    """One request: when it began (seconds since the epoch), how long it took, who answered."""

    began: float
    seconds: float
    by: str
    failure: str = ""


def parse(line: str) -> Call:
    """A line of the program."""
    began, seconds, by, *failure = line.split()
    return Call(float(began), float(seconds), "" if by == "-" else by, " ".join(failure))


@dataclass(frozen=True)
class Callers:
    """They go on until the block ends."""

    cluster: Playground
    namespace: str

    def calls(self) -> list[Call]:
        """Those that are over."""
        told = self.cluster.kubectl("logs", CALLERS, f"--namespace={self.namespace}")
        return [parse(line) for line in told.splitlines()]

    def failed(self) -> list[Call]:
        return [call for call in self.calls() if call.failure]

    def wait_answer(self, wanted: Callable[[str], bool], within: float = 20) -> Call:
        """The first call that begins from now on and is answered by somebody who is wanted."""
        began, deadline = time.time(), time.monotonic() + at_last(within)
        while True:
            calls = [call for call in self.calls() if call.began > began]
            found = next((call for call in calls if call.by and wanted(call.by)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, f"not within {at_last(within)} s: {calls[-5:]}"
            time.sleep(LOOK)


def is_laptop(answered_by: str) -> bool:
    """Whether the program on the laptop has answered."""
    return answered_by == LAPTOP


@contextlib.contextmanager
def calling(
    cluster: Playground, namespace: str, service: str, port: int = 80, rate: float = 100
) -> Iterator[Callers]:
    """So many calls a second, each on a connection of its own."""
    words = [PROGRAM.read_text(), service, str(port), str(rate)]
    container = {
        "name": CALLERS,
        "image": cluster.state.images["python"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", *words],
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CALLERS}, "spec": spec}
    where = f"--namespace={namespace}"
    cluster.apply([pod], namespace)
    cluster.kubectl("wait", f"pod/{CALLERS}", "--for=condition=Ready", "--timeout=120s", where)
    callers = Callers(cluster, namespace)
    callers.wait_answer(bool)
    try:
        yield callers
    finally:
        cluster.kubectl("delete", "pod", CALLERS, where, "--ignore-not-found", "--now")


@contextlib.contextmanager
def local_program(cluster: Playground, port: int = 8080) -> Iterator[None]:
    """The developer's program on the laptop: HTTP on this port, TCP and UDP as the echo image."""
    command = ["env", f"POD_NAME={LAPTOP}", sys.executable, str(ECHO), "--http", str(port)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = cluster.laptop_popen(command, **pipes)
    try:
        yield
    finally:
        process.kill()
        process.wait()
