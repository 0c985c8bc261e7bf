import asyncio

import pytest
from tests.unit.tunnel.ends import FACTS

from ktconnect.errors import Forbidden, TunnelClosed
from ktconnect.tunnel.readiness import Readiness


def nothing() -> str:
    return ""


async def test_whoever_waits_gets_the_facts_of_the_first_greeting():
    readiness = Readiness()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(readiness.wait(60, nothing))
        await asyncio.sleep(0)
        assert not waiting.done()
        readiness.greeted(FACTS)
    assert waiting.result() is FACTS


async def test_what_is_of_no_use_to_wait_for_is_told_at_once_and_the_first_of_it():
    readiness = Readiness()
    first, second = Forbidden("you may not"), TunnelClosed("closed")
    readiness.failed(first)
    readiness.failed(second)
    with pytest.raises(Forbidden) as caught:
        await readiness.wait(60, nothing)
    assert caught.value is first


async def test_a_greeting_counts_more_than_an_end_that_came_after_it():
    readiness = Readiness()
    readiness.greeted(FACTS)
    readiness.failed(TunnelClosed("closed"))
    assert await readiness.wait(0, nothing) is FACTS


@pytest.mark.parametrize(("reason", "said"), [("no route", "no route"), ("", "no answer")])
async def test_patience_ends_with_the_latest_reason(reason, said):
    with pytest.raises(TunnelClosed, match=f"can't be reached: {said}"):
        await Readiness().wait(0.01, lambda: reason)
