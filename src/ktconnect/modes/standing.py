"""An agent in the cluster that stands for as long as a block runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ktconnect.apply.journal import Journal
from ktconnect.errors import KtError

from .local import bind, remember
from .report import Reporter
from .shadow import Shadow

UNDO_SECONDS = 10.0


@asynccontextmanager
async def standing(shadow: Shadow, server: str, reporter: Reporter) -> AsyncIterator[Shadow]:
    """Make the Lease and the agent; take both away after the block.

    ``server`` is the cluster's, for what this machine must remember until then.
    Raises: Forbidden, Refused, Unreachable before the block begins.
    """
    journal = remember(server, shadow.session.namespace, shadow.session.name)
    try:
        with reporter.step(f"Starting the agent in namespace {shadow.session.namespace}") as step:
            await shadow.lease.create()
            bind(journal, shadow.lease.uid)
            await shadow.create()
            pod = await shadow.ready_pod()
            step.says(f"Agent {pod['metadata']['name']} runs on {pod['spec']['nodeName']}")
        yield shadow
    finally:
        await _delete(shadow, journal, reporter)


async def _delete(shadow: Shadow, journal: Journal, reporter: Reporter) -> None:
    """Take everything away; a cluster out of reach is told, and left to the next ktctl command."""
    try:
        with reporter.step("Taking the agent away") as step:
            async with asyncio.timeout(UNDO_SECONDS):
                await shadow.delete()
            step.says("Nothing of ours is left in the cluster")
        journal.drop()
    except (KtError, TimeoutError) as error:
        reporter.warn(
            f"session {shadow.session.name} is still in the cluster: {str(error) or 'no answer'}",
            "the next ktctl command of anybody in that namespace deletes it",
        )
