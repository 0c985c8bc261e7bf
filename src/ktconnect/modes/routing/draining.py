"""How a router is emptied: its callers come back by new connections, its calls end. Pure, but for
time: what an Envoy tells comes from `envoys`."""

import asyncio
import time
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Any, Final

from ktconnect.sessions.restore import CALLS_SECONDS

IDLE_SECONDS: Final = 8.0
"""How long a connection on which nothing is asked may take to be used once more, and closed with
that answer in order."""

SAY_AFTER: Final = 1.0
"""Seconds; calls that end sooner are nothing to speak of."""

ACTIVE: Final = r"/stats?format=json&filter=downstream_(cx|rq)_active$"
"""Connections and requests of callers, as Envoy's admin interface tells them."""

DRAIN: Final = "/drain_listeners?graceful&skip_exit"
"""Envoy, "Administration interface": who is there is asked to come back by a new connection."""

Stats = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Load:
    """What goes through a router: ``connections`` of callers, and on them so many ``calls``.

    A call is a request that is not answered to its end, or a connection that is passed on as it is.
    """

    connections: int = 0
    calls: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.connections + other.connections, self.calls + other.calls)


UNKNOWN: Final = Load(connections=1)
"""One that has not told it yet: there may be somebody."""


def load_of(stats: Stats) -> Load:
    """What an Envoy tells at `ACTIVE`; who asks is nobody.

    Only listeners count all connections; those of them that no HTTP connection manager has are
    passed on. Each listener is told once more for each of its threads.
    """
    told = [(str(each.get("name")), each.get("value") or 0) for each in stats["stats"]]
    found = [(name, value) for name, value in told if not _is_aside(name)]
    every = sum(v for name, v in found if name.startswith("listener.") and _is(name, "cx"))
    http = sum(v for name, v in found if name.startswith("http.") and _is(name, "cx"))
    asked = sum(v for name, v in found if name.startswith("http.port-") and _is(name, "rq"))
    return Load(max(every, http), asked + max(0, every - http))


def _is_aside(name: str) -> bool:
    return ".admin." in name or ".worker_" in name


def _is(name: str, what: str) -> bool:
    return name.endswith(f".downstream_{what}_active")


async def drained(
    looks: AsyncIterable[Load],
    say: Callable[[int], object],
    now: Callable[[], float] = time.monotonic,
) -> int:
    """Wait until nobody is left, by one look after the other; how many calls could not be waited
    for. Calls get `CALLS_SECONDS`, connections without any `IDLE_SECONDS`.

    ``say`` is told once, if calls go on, how many.
    """
    began, told, last = now(), False, UNKNOWN
    try:
        async with asyncio.timeout(CALLS_SECONDS):
            async for last in looks:
                waited = now() - began
                if not last.connections or (not last.calls and waited >= IDLE_SECONDS):
                    return 0
                if last.calls and not told and waited >= SAY_AFTER:
                    told = True
                    say(last.calls)
    except TimeoutError:
        pass
    return last.calls


def going_on(calls: int, where: str) -> str:
    """What is waited for, in a line for a person."""
    goes = "1 call goes on" if calls == 1 else f"{calls:,} calls go on"
    return f"{goes} through the router of {where}: waiting for that, {CALLS_SECONDS:.0f} s at most"


def cut_off(calls: int, where: str) -> str:
    """What became of those that did not end."""
    went = "1 call" if calls == 1 else f"{calls:,} calls"
    return (
        f"{went} through the router of {where} went on for more than {CALLS_SECONDS:.0f} s and had "
        "to be cut"
    )
