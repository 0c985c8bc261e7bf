import asyncio
import signal

from tests.unit.background.processes import dead, sleeping

from ktconnect.background.ending import held


async def test_the_end_of_a_process_is_noticed():
    with sleeping() as (_, theirs), held(theirs) as target:
        assert target is not None
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(target.ended())
            await asyncio.sleep(0.05)
            assert not ending.done()
            target.send(signal.SIGTERM)
        target.send(signal.SIGTERM)  # it is gone: nobody is hit


def test_one_that_is_gone_is_nobody():
    with held(dead()) as target:
        assert target is None


def test_a_later_process_with_its_id_is_not_it():
    with sleeping() as (running, _), held(dead(running.pid)) as target:
        assert target is None
        assert running.poll() is None
