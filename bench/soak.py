"""Mixed load for minutes, and a look after each part of it at what should not grow.

Each part ends in a rest, in which nothing is open: what was there in the first rest may be there in
every later one, and not much more. The first parts don't count: caches and pools fill then.
"""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from bench import cost, lookups, processes
from bench.errors import BenchError
from bench.measure import Field
from bench.peers import Ktctl, end, reach
from bench.site import BULK, ECHO, HTTP, probe_command

PART, REST = 20.0, 4.0  # seconds
WARM_UP = 2  # parts
MEMORY_SLACK = 8.0  # MB that noise may add between the first and the last third
GROWTH = 1.15  # times
COUNT_SLACK = 8  # descriptors, streams
_WATCHED = ("laptop_memory", "agent_memory", "laptop_descriptors", "agent_descriptors", "streams")


@dataclass(frozen=True)
class Sample:
    """What was in use in one rest."""

    second: float
    laptop_memory: float  # MB
    agent_memory: float
    laptop_descriptors: int
    agent_descriptors: int
    streams: int
    restarts: int  # connections to the agent that were made anew


def verdict(samples: Sequence[Sample]) -> list[str]:
    """What grew without bound; empty if nothing did. Pure."""
    counted = samples[WARM_UP:] if len(samples) > WARM_UP + 2 else samples
    third = max(1, len(counted) // 3)
    early, late = counted[:third], counted[-third:]
    return [
        f"{name}: from {before:.1f} to {after:.1f}"
        for name, before, after, most in _compared(early, late)
        if after > most
    ]


def _compared(
    early: Sequence[Sample], late: Sequence[Sample]
) -> Iterator[tuple[str, float, float, float]]:
    """Name, value before, value after, and the most that it may be."""
    for name in _WATCHED:
        before, after = (
            statistics.median(getattr(s, name) for s in part) for part in (early, late)
        )
        slack = MEMORY_SLACK if name.endswith("memory") else COUNT_SLACK
        yield name.replace("_", " "), before, after, before * GROWTH + slack


def run(field: Field, minutes: float, say: Callable[[str], None]) -> list[Sample]:
    """Load a tunnel for so long; a sample after each part. Raises: BenchError."""
    field.site.set_delay(0)
    peer = Ktctl(field.site, field.folder)
    peer.start()
    try:
        reach(field.site, peer, HTTP)
        return list(_parts(field, peer, minutes * 60, say))
    finally:
        peer.stop()


def _parts(
    field: Field, peer: Ktctl, seconds: float, say: Callable[[str], None]
) -> Iterator[Sample]:
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        _load(field, peer)
        time.sleep(REST)
        sample = _sample(field, peer, passed)
        say(
            ", ".join(
                f"{name.replace('_', ' ')} {value:.0f}" for name, value in asdict(sample).items()
            )
        )
        yield sample


def _load(field: Field, peer: Ktctl) -> None:
    """Everything at once. What fails is of no interest here, only what it leaves behind."""
    loads = [field.site.start(argv, **_SILENT) for argv in _commands(field, peer)]
    limit = time.monotonic() + PART * 3
    try:
        for load in loads:
            _wait(load, limit)
    finally:
        for load in loads:
            end(load)


def _wait(load: "subprocess.Popen[str]", limit: float) -> None:
    try:
        load.wait(max(0.1, limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise BenchError(f"{load.args!r} did not end: the tunnel hangs") from None


_SILENT = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _commands(field: Field, peer: Ktctl) -> list[list[str]]:
    seconds, names = f"{PART:g}", lookups.write_names(field, "soak", lookups.different_names())
    http, bulk, echo = (peer.address_for(port) for port in (HTTP, BULK, ECHO))
    fresh = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-H", "Connection: close"]
    asked = ["dnsperf", *peer.dns_words(), "-d", str(names), "-l", seconds, "-Q", "100"]
    return [
        [*fresh, f"http://{http.host}:{http.port}/"],
        probe_command("bulk", *bulk.words, "down", "2", "0", seconds),
        probe_command("bulk", *bulk.words, "up", "2", "0", seconds),
        probe_command("pingpong", *echo.words, seconds),
        probe_command("crowd", *echo.words, "500"),  # its input ends at once: it comes and goes
        asked,
    ]


def _sample(field: Field, peer: Ktctl, second: float) -> Sample:
    if peer.has_ended():
        raise BenchError(f"ktctl ended by itself: {peer.status}")
    found = processes.everything()
    known = cost.places(field.site, peer, found)
    laptop, agent = known["laptop"], known.get("agent", set())
    return Sample(
        second=round(second, 1),
        laptop_memory=processes.memory(found, laptop),
        agent_memory=processes.memory(found, agent),
        laptop_descriptors=processes.descriptors(laptop),
        agent_descriptors=processes.descriptors(agent),
        streams=int(peer.status.get("streams", 0)),
        restarts=int(peer.status.get("reconnections", 0)),
    )
