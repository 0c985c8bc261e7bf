"""The laptop's side of a tunnel: several links to one agent, kept up.

The first pipe is opened at once and the others behind its back. A stream stays on the link it
began on; when a link is lost its streams are reset, and a new pipe takes its place.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from ktconnect.errors import Forbidden, KtError, TunnelClosed, UsageError
from ktconnect.wire.hello import AgentFacts, HelloRefused
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target
from ktconnect.wire.window import Budget

from .datagram import DatagramEvents, DatagramFlow
from .lane import Lane
from .lanes import Lanes
from .link import Link, OnOpen
from .pipe import OpenPipe
from .reach import reach
from .readiness import Readiness
from .status import TunnelState, TunnelStatistics
from .stream import Stream
from .timing import Backoff, Beat, Timing
from .tuning import reset_on_close

SETTLED: Final = 2.0
"""Seconds a link must live to count as a success: then the next try is immediate."""

_FATAL: Final = (HelloRefused, Forbidden, UsageError)
_FAILURES: Final = (KtError, OSError, TimeoutError)

OnState = Callable[[TunnelState, str], object]
OnUnreachable = Callable[[str], Awaitable[object]]
OnGreeted = Callable[[AgentFacts], object]


class Tunnel:
    """Carries streams and datagrams to an agent. Owned by whoever runs ``run``.

    ``on_state`` hears of every change of state with its reason. ``on_unreachable`` is awaited,
    with the reason, each time an attempt fails while no pipe is up: the agent may be gone and can
    be made again there; what it raises of KtError, OSError and TimeoutError counts as the failure.
    ``on_greeted`` hears of the agent's facts each time a pipe is greeted.
    ``on_open`` answers streams that the agent opens; without it they are refused.
    """

    def __init__(
        self, open_pipe: OpenPipe, token: str, *, pipes: int = 4, timing: Timing | None = None
    ) -> None:
        self.on_state: OnState | None = None
        self.on_unreachable: OnUnreachable | None = None
        self.on_greeted: OnGreeted | None = None
        self.on_open: OnOpen | None = None
        self._open_pipe = open_pipe
        self._token = token
        self._pipes = pipes
        self._timing = timing or Timing()
        self._budget = Budget()
        self._lanes = Lanes()
        self._readiness = Readiness()
        self._up = asyncio.Event()
        self._state = TunnelState.CONNECTING
        self._reason = ""
        self._reconnections = 0

    # -- life

    async def run(self) -> None:
        """Keep the pipes up until cancelled. Closes: all pipes; their streams are reset."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for place in range(self._pipes):
                    tasks.create_task(self._keep(place))
                tasks.create_task(self._tick())
        finally:
            for lane in self._lanes:
                self._drop(lane)
            self._change(TunnelState.DOWN, "closed")
            self._readiness.failed(TunnelClosed("the tunnel was closed"))

    async def ready(self, patience: float = 60.0) -> AgentFacts:
        """Wait for the first greeted pipe; facts of the agent greeted last.

        Raises: the reason, at once, when trying again is of no use: HelloRefused (a TunnelClosed:
        wrong token or version), Forbidden, UsageError; TunnelClosed after ``patience`` seconds.
        """
        return await self._readiness.wait(patience, lambda: self._reason)

    # -- use

    def join(self, sock: socket.socket, target: Target) -> None:
        """Join an accepted socket to ``target``. Closes: the socket; by RST if no pipe is up.

        Data is sent without waiting for the target; if it can't be reached, the socket is reset.
        """
        lane = self._lanes.best()
        if lane is None:
            reset_on_close(sock)
            sock.close()
            return
        Stream(lane.link, lane.link.open(target)).attach(sock, spoken=True)

    def open_datagrams(self, target: Target, events: DatagramEvents) -> DatagramFlow:
        """Begin a flow of UDP messages or ICMP echoes (see ``datagram.ECHO``) to ``target``.

        Raises: TunnelClosed if no pipe is up.
        """
        return DatagramFlow(self._best().link, target, events)

    async def reach(
        self, target: Target, limit: float = 5.0, hold: Awaitable[object] | None = None
    ) -> float:
        """Seconds the agent needs to connect to ``target``. See ``reach.reach``.

        Raises: reach.NotReached with the reason; TunnelClosed if no pipe is up, or it is lost.
        """
        return await reach(self._best().link, target, limit, hold)

    async def probe(self, limit: float = 2.0) -> list[float | None]:
        """Ping the agent through each pipe: round trips in seconds, None where none came in
        ``limit`` seconds. Empty if no pipe is up."""
        answers = [lane.ping() for lane in self._lanes.up]
        if answers:
            await asyncio.wait(answers, timeout=limit)
        return [answer.result() if answer.done() else None for answer in answers]

    def statistics(self) -> TunnelStatistics:
        """A snapshot; cheap."""
        lanes, now = self._lanes, asyncio.get_running_loop().time()
        return TunnelStatistics(
            state=self._state,
            reason=self._reason,
            pipes=len(lanes.up),
            streams=lanes.streams,
            bytes_up=lanes.bytes_sent,
            bytes_down=lanes.bytes_received,
            reconnections=self._reconnections,
            rtt=lanes.rtt,
            probe_age=None if lanes.heard is None else now - lanes.heard,
        )

    # -- inside

    def _best(self) -> Lane:
        lane = self._lanes.best()
        if lane is None:
            raise TunnelClosed(f"no pipe to the agent: {self._reason or 'not yet connected'}")
        return lane

    async def _keep(self, place: int) -> None:
        """Keep one pipe up. The first leads; the others wait until some pipe is up."""
        backoff = Backoff(self._timing)
        old: Lane | None = None
        while True:
            await asyncio.sleep(backoff.next())
            if place:
                await self._up.wait()
            lane = await self._attempt()
            if lane is None:
                continue
            if old is not None:
                self._lanes.retire(old)
            started = lane.link.heard
            await lane.worn.wait()
            old = None if lane.over else lane
            if asyncio.get_running_loop().time() - started > SETTLED:
                backoff.succeeded()

    async def _attempt(self) -> Lane | None:
        lane = Lane(self._timing, self._lost, self._answer)
        try:
            facts = await lane.open(self._open_pipe, self._token, self._budget)
        except _FAILURES as error:
            await self._failed(error)
            return None
        if lane.over:  # lost in the moment between its greeting and now
            return None
        self._lanes.up.append(lane)
        if self.on_greeted is not None:
            self.on_greeted(facts)
        self._readiness.greeted(facts)
        self._up.set()
        self._judge()
        return lane

    async def _failed(self, error: Exception) -> None:
        if self._lanes.up:
            return
        reason = str(error) or f"no answer in {self._timing.attempt:g} s"
        self._change(self._state, reason)
        if isinstance(error, _FATAL):
            self._readiness.failed(error)
        if self.on_unreachable is not None:
            try:
                await self.on_unreachable(reason)
            except _FAILURES as failure:
                self._change(self._state, str(failure))

    def _answer(self, link: Link, number: int, text: str) -> None:
        if self.on_open is None:
            link.refuse(number, Reason.EPERM)
        else:
            self.on_open(link, number, text)

    def _lost(self, lane: Lane, reason: str) -> None:
        self._reconnections += 1
        self._drop(lane)
        self._judge(reason)

    def _drop(self, lane: Lane) -> None:
        self._lanes.drop(lane)
        if not self._lanes.up:
            self._up.clear()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timing.tick)
            now = loop.time()
            for lane in self._lanes:
                lane.tick(now)
            self._lanes.drop_finished()
            self._judge()

    def _judge(self, reason: str = "") -> None:
        if not self._lanes.up:
            if self._state is not TunnelState.CONNECTING:
                self._change(TunnelState.DOWN, reason or self._reason)
        elif all(lane.beat is Beat.STALLED for lane in self._lanes.up):
            self._change(TunnelState.STALLED, f"no answer for {self._timing.stall:g} s")
        else:
            self._change(TunnelState.UP, "")

    def _change(self, state: TunnelState, reason: str) -> None:
        if (state, reason) != (self._state, self._reason):
            self._state, self._reason = state, reason
            if self.on_state is not None:
                self.on_state(state, reason)
