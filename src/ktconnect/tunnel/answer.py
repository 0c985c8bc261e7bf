"""The laptop's answer to calls: each port of the Pod leads to a target of the laptop's choice."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ktconnect.wire.call import Call
from ktconnect.wire.target import Target

from .link import Link

Port = tuple[str, int]
"""Protocol and Pod port: what a target is looked up by."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call: who came to which port, where it led, and what became of it."""

    call: Call
    target: Target
    seconds: float
    """From its arrival at the laptop until its end (or until now, while it runs)."""
    received: int
    """Bytes from the caller to the target; of TCP only."""
    sent: int
    """Bytes from the target to the caller; of TCP only."""
    ended: str
    """How it ended: ``closed`` (both ways, in order), ``reset by the caller``, ``reset by the
    target``, ``tunnel lost``, ``idle`` (UDP), or why the target was not reached, beginning with
    ``refused: ``. Empty while it runs."""


OnCall = Callable[[CallRecord], object]


class Answers:
    """A ``Tunnel.on_open``: dials the target of each call and says OPENED, or RESET.

    ``targets`` maps (protocol, Pod port) to ``tcp``, ``unix`` or ``udp`` targets; a call to any
    other port is refused. With ``proxy_protocol``, TCP targets get a PROXY protocol v2 header with
    the caller's address first. ``on_call`` hears of every call when it has ended, refused ones
    too. ``limit``: seconds a target may take to accept.
    """

    def __init__(
        self,
        targets: Mapping[Port, Target],
        *,
        proxy_protocol: bool = False,
        on_call: OnCall | None = None,
        limit: float = 4.0,
    ) -> None:
        """To be made while the asyncio loop runs that the tunnel runs on."""
        self._targets = dict(targets)
        self._proxy_protocol = proxy_protocol
        self._on_call = on_call
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self.answered = 0
        """Calls whose target has accepted, since the start."""
        self.refused = 0
        """Calls that were turned away: no target, target not reached, or the end is near."""

    def __call__(self, link: Link, number: int, text: str) -> None:
        """See ``link.OnOpen``. Raises: UsageError if ``text`` is no call."""
        raise NotImplementedError

    def running(self) -> list[CallRecord]:
        """The calls that go on now, oldest first."""
        raise NotImplementedError

    def refuse_new(self) -> None:
        """Refuse every further call, so that agents send it to its origin. Those that run go on."""
        raise NotImplementedError

    async def drained(self, limit: float) -> int:
        """Wait until no call runs any more, at most ``limit`` seconds; how many still do."""
        raise NotImplementedError
