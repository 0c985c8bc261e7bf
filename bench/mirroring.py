"""What callers notice of a mirror whose laptop hangs: nothing, if all is well.

The same callers in a Pod, first with nobody in between, then with copies of all their requests led
to a program on the laptop that takes connections and says nothing.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench import rows
from bench.errors import BenchError
from bench.figures import percentile
from bench.inbound import FromPod
from bench.measure import Field, Measure, Values
from bench.peers import Peer, end
from bench.site import HTTP, NAMESPACE, Site

MIRRORED = "beside"
HANGING = 18_099
RATE = 200
"""New connections a second, each with one request."""

AT_ONCE = 16
SECONDS = 5.0
SILENT = (
    "import socket, time; "
    f"kept = socket.create_server(('127.0.0.1', {HANGING}), backlog=4096); "
    "print('ready', flush=True); time.sleep(1e6)"
)


def measures() -> list[Measure]:
    return [Measure("mirror@0", _take, peers=(rows.OURS,), apart=True)]


def _take(field: Field, peer: Peer) -> Values:
    seconds = SECONDS / 2 if field.short else SECONDS
    playground = field.site.playground
    playground.provide(playground.store.builtin("envoy"))
    alone = _knock(field.site, seconds)
    with _silent(field.site), _mirror(field.site):
        mirrored = _knock(field.site, seconds)
    return {
        "mirror-none-p50": percentile(alone["times"], 0.5),
        "mirror-none-p99": percentile(alone["times"], 0.99),
        "mirror-hangs-p50": percentile(mirrored["times"], 0.5),
        "mirror-hangs-p99": percentile(mirrored["times"], 0.99),
        "mirror-hangs-errors": share_failed(mirrored),
    }


def share_failed(found: Mapping[str, Any]) -> float:
    """Of all, in percent."""
    answered, failed = len(found["times"]), int(found["failed"])
    return 100 * failed / (answered + failed)


def _knock(site: Site, seconds: float) -> dict[str, Any]:
    address = site.service_address(MIRRORED)
    words = [address, str(HTTP), str(AT_ONCE), f"{seconds:g}", str(RATE)]
    found: dict[str, Any] = FromPod(site).probe("knocking", *words)
    if not found["times"]:
        raise BenchError("no caller was answered")
    return found


@contextmanager
def _silent(site: Site) -> Iterator[None]:
    """A program that hangs."""
    process = site.start([sys.executable, "-c", SILENT], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        end(process)


@contextmanager
def _mirror(site: Site) -> Iterator[None]:
    program = str(Path(sys.executable).with_name("ktctl"))
    image = str(site.playground.state.images["python"])
    words = ["--expose", f"{HANGING}:{HTTP}", "--mode", "router", "-n", NAMESPACE, "-i", image]
    words += ["--routerImage", str(site.playground.state.images["envoy"]), "-o", "json"]
    process = site.start([program, "mirror", MIRRORED, *words], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        wait_until_ready(process.stdout)
        yield
    finally:
        end(process)


def wait_until_ready(lines: IO[str]) -> dict[str, float]:
    """The seconds of each step, by its title. Raises: BenchError with what it said last, if it
    ends before."""
    last: dict[str, Any] = {}
    steps: dict[str, float] = {}
    for text in lines:
        last = json.loads(text)
        if last.get("event") == "step":
            steps[str(last.get("title"))] = float(last.get("seconds", 0))
        if last.get("event") == "ready":
            return steps
    raise BenchError(f"mirror does not come up: {last.get('message', 'it said nothing')}")
