"""The ways to die, and what has to be mended afterwards."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from playground import line
from playground.line import Line

from bench.drill.site import Site

Process = Any  # the laptop's ktctl, a subprocess.Popen
Dying = Callable[[Site, Process], AbstractContextManager[None]]


@dataclass(frozen=True)
class Death:
    """One way. ``restores``: the Service gets its own selector back without the laptop."""

    name: str
    dies: Dying
    restores: bool = True


@contextmanager
def _ends(_: Site, process: Process) -> Iterator[None]:
    process.send_signal(signal.SIGINT)
    yield


@contextmanager
def _killed(_: Site, process: Process) -> Iterator[None]:
    process.kill()
    yield


@contextmanager
def _asleep(_: Site, process: Process) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@contextmanager
def _cut_off(site: Site, _: Process) -> Iterator[None]:
    line.put(site.playground, Line(cut=True))
    try:
        yield
    finally:
        line.put(site.playground, Line())


@contextmanager
def _without_agent(site: Site, _: Process) -> Iterator[None]:
    site.kubectl("delete", "pod", "-l", "kt-role=shadow-exchange", "--force", "--wait=false")
    yield


DEATHS = (
    Death("ended by Ctrl-C", _ends),
    Death("ktctl killed (kill -9)", _killed),
    Death("laptop asleep (SIGSTOP)", _asleep),
    Death("cable cut", _cut_off),
    Death("agent's Pod deleted", _without_agent, restores=False),
)
