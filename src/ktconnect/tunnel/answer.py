"""The laptop's answer to calls: each port of the Pod leads to a target of the laptop's choice."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ktconnect.wire.call import Call
from ktconnect.wire.proxyprotocol import header
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

from .arrival import Arrival
from .dial import Dialer
from .link import Link
from .member import ORDERLY, End, Side
from .nested import streams_loop
from .outbox import THIS_ROUND
from .reach import why
from .splice import Splice, muted

if TYPE_CHECKING:
    from .stream import Stream

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
    accepted: bool = False
    """Its target has accepted it, or somebody on its behalf: a kernel, a proxy."""
    taken: bool = False
    """Its target has taken it for certain: it has had a part in its end."""
    refusal: str = ""
    """Why its target was not reached; empty if it was, or if its end says nothing of it."""


OnCall = Callable[[CallRecord], object]


class Answers:
    """A ``Tunnel.on_open``: dials the target of each call and says OPENED, or RESET.

    ``targets`` maps (protocol, Pod port) to ``tcp``, ``unix`` or ``udp`` targets; a call to any
    other port is refused. ``mute``: calls are copies of others' (``spec.Listen.copied``): what TCP
    targets answer is read and thrown away, so that they go on. With ``proxy_protocol``, TCP targets
    get a PROXY protocol v2 header with the caller's address first. ``on_call`` hears of every call
    that had a target, when it has ended. ``limit``: seconds a target may take to accept.
    """

    def __init__(
        self,
        targets: Mapping[Port, Target],
        *,
        proxy_protocol: bool = False,
        mute: bool = False,
        on_call: OnCall | None = None,
        limit: float = 4.0,
    ) -> None:
        """To be made while the asyncio loop runs that the tunnel runs on."""
        self._targets = dict(targets)
        self._proxy_protocol = proxy_protocol
        self._mute = mute
        self._on_call = on_call
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(streams_loop(), limit=limit, patience=THIS_ROUND)
        self._running: dict[_Running, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._curious: list[asyncio.Future[Call]] = []
        self._refusing = False
        self.answered = 0
        """Calls whose target has accepted, since the start."""
        self.refused = 0
        """Calls that were turned away: no target, target not reached, or the end is near."""

    def __call__(self, link: Link, number: int, text: str) -> None:
        """See ``link.OnOpen``. Raises: UsageError if ``text`` is no call."""
        call = Call.parse(text)
        target = self._targets.get((call.protocol, call.port))
        if target is None or self._refusing:
            self.refused += 1
            link.refuse(number, Reason.ECONNREFUSED)
        else:
            self._begin(link, number, call, target)

    def running(self) -> list[CallRecord]:
        """The calls that go on now, oldest first."""
        now = self._loop.time()
        return [running.record(now) for running in self._running]

    def next_call(self) -> "asyncio.Future[Call]":
        """Done when the target of some further call has accepted."""
        future: asyncio.Future[Call] = self._loop.create_future()
        self._curious.append(future)
        return future

    def lead(self, port: Port, target: Target) -> None:
        """Lead further calls to this port there; those that run stay where they are."""
        self._targets[port] = target

    def refuse_new(self) -> None:
        """Refuse every further call, so that agents send it to its origin. Those that run go on."""
        self._refusing = True

    async def drained(self, limit: float) -> int:
        """Wait until no call runs any more, at most ``limit`` seconds; how many still do."""
        try:
            async with asyncio.timeout(limit):
                await self._empty.wait()
        except TimeoutError:
            pass
        return len(self._running)

    def close(self) -> None:
        """Refuse new calls and reset those that run. Idempotent."""
        self.refuse_new()
        for running in list(self._running):
            running.abort()

    # -- one call

    def _begin(self, link: Link, number: int, call: Call, target: Target) -> None:
        running = _Running(call, target, self._loop.time())
        self._running[running] = None
        self._empty.clear()
        if target.kind == "udp":
            self._accepted(running)
            flow = self._dialer.flows.open(
                link, number, target, lambda end: self._ended(running, end)
            )
            running.abort = lambda: flow.abort(Reason.IDLE)
        else:
            self._dial(Arrival(self._dialer, link, number), running)

    def _dial(self, arrival: Arrival, running: "_Running") -> None:
        stream = running.stream = arrival.stream
        running.abort = lambda: stream.abort(Reason.ECONNRESET)
        arrival.on_connected = lambda sock: self._connected(running, sock)
        arrival.on_end = lambda end: self._ended(running, end)
        if self._mute:
            arrival.between = partial(self._muted, running)
        arrival.go(running.target)

    def _muted(self, running: "_Running", sock: socket.socket) -> socket.socket:
        joined, running.muted = muted(self._dialer.loop, sock)
        return joined

    def _connected(self, running: "_Running", sock: socket.socket) -> None:
        self._accepted(running)
        if self._proxy_protocol:
            with suppress(OSError):  # it has closed again already, which the stream will find
                sock.send(header(running.call))  # the first bytes of a connection: there is room

    def _accepted(self, running: "_Running") -> None:
        running.accepted = True
        self.answered += 1
        curious, self._curious = self._curious, []
        for future in curious:
            if not future.done():
                future.set_result(running.call)

    def _ended(self, running: "_Running", end: End) -> None:
        del self._running[running]
        if not self._running:
            self._empty.set()
        if running.muted is not None and end is not ORDERLY:
            running.muted.reset()
        if not running.accepted:
            self.refused += 1
        if self._on_call is not None:
            self._on_call(running.record(self._loop.time(), end))


class _Running:
    """A call that goes on."""

    __slots__ = ("_started", "abort", "accepted", "call", "muted", "stream", "target")

    def __init__(self, call: Call, target: Target, started: float) -> None:
        self.call = call
        self.target = target
        self.accepted = False
        self.stream: Stream | None = None
        self.muted: Splice | None = None
        self.abort: Callable[[], object] = lambda: None
        self._started = started

    def record(self, now: float, end: End | None = None) -> CallRecord:
        """What there is to say of it."""
        stream, accepted = self.stream, self.accepted
        received, sent = (stream.received, stream.sent) if stream is not None else (0, 0)
        return CallRecord(
            self.call,
            self.target,
            now - self._started,
            received,
            sent,
            ended=ending(accepted, end) if end else "",
            accepted=accepted,
            taken=was_taken(accepted, end) if end else False,
            refusal=refusal(accepted, end) if end else "",
        )


def was_taken(accepted: bool, end: End) -> bool:
    """Whether a call's end tells that its target took it."""
    of_target = end.side is Side.HERE and accepted and end.errno != Reason.IDLE
    return end.side is Side.BOTH or of_target


def refusal(accepted: bool, end: End) -> str:
    """Why the target was not reached; "" if it was, or if the end says nothing of it."""
    return why(end.errno) if end.side is Side.HERE and not accepted else ""


def ending(accepted: bool, end: End) -> str:
    """The end of a call in words, seen from the laptop; ``accepted``: by its target, before."""
    match end.side:
        case Side.LINK:
            return "tunnel lost"
        case Side.BOTH:
            return "closed"
        case Side.HERE if not accepted:
            return f"refused: {refusal(accepted, end)}"
        case Side.HERE if end.errno == Reason.IDLE:
            return "idle"
        case Side.HERE:
            return "reset by the target"
        case Side.THERE:
            return "reset by the caller"
