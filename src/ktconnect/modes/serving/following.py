"""Staying with an object of the cluster that is watched, however often the watch breaks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ktconnect.errors import KtError

from .way import WayLost

log = logging.getLogger(__name__)

FOLLOW_AGAIN = 1.0
"""Seconds until a Service that can't be watched is tried again."""


async def follow(watch: Callable[[], Awaitable[None]], where: str) -> None:
    """Watch service ``where`` until cancelled. Raises: WayLost, as ``watch`` does."""
    while True:
        try:
            await watch()
        except WayLost:
            raise
        except KtError as error:
            log.info("service %s can't be watched: %s", where, error)
        await asyncio.sleep(FOLLOW_AGAIN)
