"""Whoever waits for a tunnel to be up for the first time."""

import asyncio
import contextlib
from collections.abc import Callable

from ktconnect.errors import KtError, TunnelClosed
from ktconnect.wire.hello import AgentFacts


class Readiness:
    """Done when a pipe was greeted, or when that can't be any more."""

    def __init__(self) -> None:
        self._facts: AgentFacts | None = None
        self._fatal: KtError | None = None
        self._told = asyncio.Event()

    def greeted(self, facts: AgentFacts) -> None:
        """A pipe is up. Called for each, with the agent's facts of now."""
        self._facts = facts
        self._told.set()

    def failed(self, error: KtError) -> None:
        """Trying again is of no use. Of several errors the first one counts."""
        self._fatal = self._fatal or error
        self._told.set()

    async def wait(self, patience: float, reason: Callable[[], str]) -> AgentFacts:
        """The facts of the agent greeted last, at most ``patience`` seconds from now.

        Raises: what ``failed`` was told; TunnelClosed with the ``reason`` of the latest failure
        when there was neither.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._told.wait()
        if self._facts is not None:
            return self._facts
        if self._fatal is not None:
            raise self._fatal
        raise TunnelClosed(
            f"the agent can't be reached: {reason() or 'no answer'}",
            hint="look at its Pod with `kubectl get pods -l control-by=kt`",
        )
