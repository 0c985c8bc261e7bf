"""Asks an agent whether it can reach a target: a stream that ends as soon as it is opened."""

import asyncio
import errno
import os
from collections.abc import Awaitable
from typing import Final

from ktconnect.errors import KtError, TunnelClosed
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

from .link import Link
from .member import End, Side
from .outbox import THIS_ROUND
from .stream import Stream

_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ETIMEDOUT: "it does not answer",
    errno.EHOSTUNREACH: "no such host, or no route to it",
    errno.ENETUNREACH: "no route to its network",
    errno.EINVAL: "the agent does not know what it means",
    errno.EPERM: "the agent may not",
}


class NotReached(KtError):
    """The agent can't reach the target. ``errno`` says why, as Linux numbers it."""

    def __init__(self, target: Target, number: int) -> None:
        super().__init__(
            f"the agent can't reach {target}: {why(number)}",
            hint="a NetworkPolicy, or no Pod that is ready?",
        )
        self.errno = number


def why(number: int) -> str:
    """A Linux errno in words."""
    return _WORDS.get(number) or os.strerror(number).lower()


async def reach(
    link: Link, target: Target, limit: float, hold: Awaitable[object] | None = None
) -> float:
    """Seconds until the agent has connected to ``target``; nothing is sent there.

    The connection stays open until ``hold`` is done, at most until the limit. A UDP target counts
    as reached when there is a route to it.
    Raises: NotReached with the reason, ETIMEDOUT after ``limit`` seconds; TunnelClosed if the link
    is lost meanwhile.
    """
    started = link.loop.time()
    stream, answer = _opened(link, target)
    try:
        async with asyncio.timeout(limit):
            end = await answer
            took = link.loop.time() - started
            if end is None and hold is not None:
                await hold
    except TimeoutError:
        raise NotReached(target, errno.ETIMEDOUT) from None
    finally:
        stream.abort(Reason.ECONNRESET)
    if end is not None:
        raise _failure(target, end)
    return took


def _opened(link: Link, target: Target) -> tuple[Stream, "asyncio.Future[End | None]"]:
    """A stream, and what its target answers: None if it has accepted, else the stream's end."""
    answer: asyncio.Future[End | None] = asyncio.get_running_loop().create_future()

    def answered(end: End | None = None) -> None:
        if not answer.done():
            answer.set_result(end)

    stream = Stream(link, link.open(target, THIS_ROUND))
    stream.on_opened, stream.on_end = answered, answered
    return stream, answer


def _failure(target: Target, end: End) -> KtError:
    if end.side is Side.LINK:
        return TunnelClosed(f"the tunnel was lost while the agent was asked for {target}")
    return NotReached(target, end.errno)
