import asyncio

import pytest

from ktconnect.modes.serving.end import to_the_end


async def test_the_work_is_done_however_often_it_is_cancelled_and_only_then_we_are():
    done = []

    async def work():
        await asyncio.sleep(0.05)
        done.append(True)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(to_the_end(work()))
        for _ in range(3):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert done == [True]


async def test_its_result_and_its_failure_are_ours():
    async def answer():
        await asyncio.sleep(0)
        return 42

    async def fail():
        await asyncio.sleep(0)
        raise ValueError("no")

    assert await to_the_end(answer()) == 42
    with pytest.raises(ValueError, match="no"):
        await to_the_end(fail())


async def test_work_that_is_cancelled_itself_is_over():
    async def give_up():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await to_the_end(give_up())
