"""A link seen from asyncio: the try at getting it, its pulse, its load and its end."""

import asyncio
from typing import TYPE_CHECKING, Final

from ktconnect.errors import KtError, TunnelClosed
from ktconnect.wire.hello import AgentFacts, LaptopDoor
from ktconnect.wire.window import Budget

from .link import WORN, Link, Role
from .nested import streams_loop
from .pipe import OpenPipe
from .timing import Beat, Pulse, Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .link import OnOpen

_LOAD_UNIT: Final = 256 * 1024


class Lane:
    """One of a tunnel's links. Implements ``member.LinkEvents``. Closes: the link.

    ``on_lost`` is called at once when a greeted link is lost, with the reason; ``on_open`` answers
    streams that the agent opens, which may follow its greeting at once.
    """

    def __init__(
        self,
        timing: Timing,
        on_lost: "Callable[[Lane, str], object]",
        on_open: "OnOpen | None" = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.beat = Beat.FINE
        self.worn: Final = asyncio.Event()
        """Set when the link is over or should be replaced."""
        self.recent = 0
        """What it carried lately, in units so coarse that little of it counts for nothing."""
        self.link: Link
        self._timing = timing
        self._on_lost = on_lost
        self._on_open = on_open
        self._pulse = Pulse(timing, loop.time())
        self._facts: asyncio.Future[AgentFacts] = loop.create_future()
        self._moved = self._carried = 0

    async def open(self, open_pipe: OpenPipe, token: str, budget: Budget) -> AgentFacts:
        """Get a pipe and greet the agent.

        Raises: KtError, OSError or TimeoutError. Closes: the pipe, if it raises.
        """
        async with asyncio.timeout(self._timing.attempt):
            pipe = await open_pipe()
            self.link = Link(streams_loop(), pipe, Role.LAPTOP, self, budget=budget)
            self.link.on_open = self._on_open
            try:
                self.link.start(LaptopDoor(token))
                return await self._facts
            except BaseException:
                self.link.close()
                raise

    @property
    def over(self) -> bool:
        """The link is gone."""
        return self.link.closed

    def tick(self, now: float) -> None:
        """Look after the link: ping it, measure its load, give it up if it is silent."""
        link = self.link
        moved = link.bytes_received + link.outbox.bytes_sent
        self._carried = self._carried // 2 + moved - self._moved
        self._moved = moved
        self.recent = self._carried // _LOAD_UNIT
        self.beat = self._pulse.tick(now, link.heard)
        if self.beat is Beat.LOST:
            link.fail(f"nothing heard for {self._timing.silence:g} s")
        elif self._pulse.ping_due(now):
            link.ping()
        if link.age > WORN:
            self.worn.set()

    def ping(self) -> asyncio.Future[float]:
        """Ping the agent; the round trip in seconds, once it is known."""
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def answered(rtt: float) -> None:
            if not answer.done():
                answer.set_result(rtt)

        self.link.ping(answered)
        return answer

    # -- member.LinkEvents

    def greeted(self, link: Link, facts: AgentFacts | None) -> None:
        """See ``member.LinkEvents``."""
        if facts is not None and not self._facts.done():
            self._facts.set_result(facts)

    def closed(self, link: Link, error: Exception | str) -> None:
        """See ``member.LinkEvents``."""
        self.worn.set()
        if self._facts.done():
            self._on_lost(self, f"pipe lost: {error}")
        elif isinstance(error, KtError):
            self._facts.set_exception(error)
        else:
            self._facts.set_exception(TunnelClosed(f"pipe lost: {error}"))
