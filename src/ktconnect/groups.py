"""A task group that fails as its first task did: callers see the cause, not our plumbing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """An ``asyncio.TaskGroup``. Raises: what the first of its tasks, or the block, has raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        raise first_cause(group) from None


def first_cause(error: BaseException) -> BaseException:
    """The first error of a group, of groups in it too; any other error is its own."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
