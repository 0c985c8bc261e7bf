"""What stands around a mirror whose copies are read: the reading, the tap, the notes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from ktconnect.groups import task_group
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.way import InboundPlan

from .harfile import HarFile
from .notes import Notes
from .reading import Reading
from .spec import Keeping
from .tapping import Routers, Tapping

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks for answers that never came."""

Go = Callable[[InboundPlan, Tapping | None], Awaitable[None]]
"""Runs the session of a plan until its end; the tapping is to be begun once there is a router."""


async def kept(
    keeping: Keeping, plan: InboundPlan, routers: Routers | None, reporter: Reporter, go: Go
) -> None:
    """Run ``go`` with copies led past what reads them. Without ``routers`` nobody sees what the
    origin answers.

    Raises: UsageError if the file can't be made; what ``go`` raises.
    """
    file = HarFile(keeping.record) if keeping.record else None
    notes = Notes(plan.where, keeping, reporter, file, tapped=routers is not None)
    reading = Reading(notes.answered, notes.unread, plan.programs)
    targets = [port.target for port in plan.exposed if port.target is not None]
    try:
        async with reading.between(targets) as instead, task_group() as tasks:
            running = [tasks.create_task(_look_on(notes))]
            tapping = None
            if routers is not None:
                tapping = Tapping(routers, notes.original, reporter)
                running.append(tasks.create_task(tapping.run()))
            try:
                await go(replace(plan, instead=instead), tapping)
            finally:
                for task in running:
                    task.cancel()
    finally:
        notes.close()


async def _look_on(notes: Notes) -> None:
    while True:
        notes.look()
        await asyncio.sleep(LOOK_AGAIN)
