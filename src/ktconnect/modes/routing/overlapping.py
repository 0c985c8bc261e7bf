"""Telling a user which of the requests that he means go to somebody else, as soon as it is so."""

import asyncio

from ktconnect import names
from ktconnect.modes.report import Reporter
from ktconnect.modes.targets import SERVICE
from ktconnect.modes.watched import Which, watched
from ktconnect.objects.session import Manifest, label_value
from ktconnect.rules.model import Share
from ktconnect.rules.order import overlaps

from .driver import Seat
from .shares import Shares


async def tell_overlaps(seat: Seat, own: Share, reporter: Reporter) -> None:
    """Each overlap of ``own`` with another share, once, until cancelled."""
    changed = asyncio.Event()
    services: dict[str, Manifest] = {}
    labels = f"{names.LABEL_TARGET}={label_value(seat.service)}"
    which = Which(SERVICE, seat.namespace, labels=labels)
    told: set[str] = set()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watched(seat.cluster, which, services, changed.set))
        while True:
            await changed.wait()
            changed.clear()
            there = {str(each) for each in overlaps(own, Shares(seat).among(services.values()))}
            for overlap in sorted(there - told):
                reporter.warn(
                    f"requests of {seat.where} that somebody else means, too: {overlap}",
                    "choose matches that exclude each other, or agree on who is first",
                )
            told = there
