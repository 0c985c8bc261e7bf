import asyncio

from tests.unit.tunnel.ends import until

from ktconnect.agent import leaving
from ktconnect.agent.leaving import Leaving


def ending(callers, **seconds):
    left = []
    loop = asyncio.get_running_loop()
    return Leaving(loop, callers, lambda: left.append(loop.time()), **seconds), left


async def test_it_stays_as_long_as_callers_may_be_on_their_way(monkeypatch):
    monkeypatch.setattr(leaving, "LOOK", 0.01)
    end, left = ending(lambda: 0, linger=0.05)
    began = asyncio.get_running_loop().time()
    end.begin()
    await until(lambda: left)
    assert left[0] - began >= 0.05


async def test_it_stays_until_the_last_caller_has_gone(monkeypatch):
    monkeypatch.setattr(leaving, "LOOK", 0.01)
    there = [1]
    end, left = ending(lambda: len(there), linger=0)
    end.begin()
    await asyncio.sleep(0.05)
    assert left == []
    there.clear()
    await until(lambda: left)


async def test_who_never_goes_is_cut_in_the_end(monkeypatch):
    monkeypatch.setattr(leaving, "LOOK", 0.01)
    end, left = ending(lambda: 1, linger=0, longest=0.05)
    end.begin()
    await until(lambda: left)


async def test_asked_twice_it_goes_at_once():
    end, left = ending(lambda: 1)
    end.begin()
    assert left == []
    end.begin()
    assert len(left) == 1
