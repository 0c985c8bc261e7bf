import asyncio

import pytest

from ktconnect.groups import first_cause, task_group


async def fail(error):
    raise error


async def together(*coroutines):
    async with task_group() as tasks:
        for each in coroutines:
            tasks.create_task(each)


async def waiting(ended):
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(True)


async def test_a_group_fails_as_its_first_task():
    with pytest.raises(KeyError, match="first"):
        await together(fail(KeyError("first")), fail(ValueError("second")))


async def test_a_group_in_a_group_is_unwrapped_too():
    async def inner():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(OSError("deep")))

    with pytest.raises(OSError, match="deep"):
        await together(inner())


async def test_the_block_s_own_error_ends_the_tasks():
    ended: list[bool] = []
    error = ValueError("mine")

    async def run():
        async with task_group() as tasks:
            tasks.create_task(waiting(ended))
            await asyncio.sleep(0)
            raise error

    with pytest.raises(ValueError, match="mine") as raised:
        await run()
    assert raised.value is error
    assert ended


async def test_time_that_is_up_ends_the_tasks():
    ended: list[bool] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await together(waiting(ended))
    assert ended


def test_an_error_that_is_no_group_is_its_own_cause():
    error = ValueError()
    assert first_cause(error) is error
