"""What must not be interrupted half-way: undoing, and what has to be undone."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end, however often we are cancelled meanwhile.

    Raises: what ``work`` raises; else CancelledError, afterwards, if we were cancelled.
    """
    task = asyncio.get_running_loop().create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except BaseException:
            if not task.done():
                raise
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
