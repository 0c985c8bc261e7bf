"""Shares of dead laptops, undone by those who live and share the same Service."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from ktconnect.errors import KtError
from ktconnect.modes.cluster import holder
from ktconnect.modes.report import Reporter
from ktconnect.objects.session import Record
from ktconnect.sessions.dead import dead_sessions
from ktconnect.sessions.holders import called
from ktconnect.sessions.restore import restore

from .driver import Seat

log = logging.getLogger(__name__)

EVERY: Final = 60.0
"""Seconds between two looks: nobody waits for it, as dead laptops' agents pass callers on."""

SILENT: Final = timedelta(seconds=90)
"""How long one must have been silent at least: a guard that may, and a laptop that comes back, are
first."""


async def tidy(seat: Seat, reporter: Reporter) -> None:
    """Undo what dead sessions take of the Service, again and again, until cancelled.

    Several who live may do so at once: each is undone by one of them. What can't be undone is left
    to the next ktctl command, as without us.
    """
    while True:
        await asyncio.sleep(EVERY)
        try:
            await _undo(seat, await _dead(seat), reporter)
        except KtError as error:
            log.info("dead sessions of %s were not looked for: %s", seat.where, error)


async def _dead(seat: Seat) -> list[Record]:
    """Never our own: on a machine that wakes up it may not have been renewed yet."""
    found = await dead_sessions(seat.cluster, seat.namespace, silence=SILENT)
    shared, own = seat.shared.session.name, seat.lease.uid
    return [each for each in found if each.shared == shared and each.uid != own]


async def _undo(seat: Seat, dead: list[Record], reporter: Reporter) -> None:
    for outcome in await restore(seat.cluster, dead, by=holder()):
        if outcome.error is None:
            reporter.note(
                f"{called(outcome.record)} is dead: what it took of {seat.where} is undone"
            )
        else:
            log.info("%s is left: %s", called(outcome.record), outcome.error)
