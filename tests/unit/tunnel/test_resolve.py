import asyncio
import socket

import pytest

from ktconnect.tunnel.resolve import THREADS, Address, Resolver, numeric


async def asked(resolver: Resolver, host: str) -> list[Address]:
    answer: asyncio.Future[list[Address]] = asyncio.get_running_loop().create_future()
    resolver.resolve(host, 80, answer.set_result)
    return await answer


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.1", (socket.AF_INET, ("10.0.0.1", 80))),
        ("fd00::1", (socket.AF_INET6, ("fd00::1", 80))),
        ("web.demo", None),
        ("10.1", None),
    ],
)
def test_an_address_is_told_from_a_name(host, address):
    assert numeric(host, 80) == address


async def test_a_name_has_all_its_addresses():
    found = await asked(Resolver(asyncio.get_running_loop()), "localhost")
    assert (socket.AF_INET, ("127.0.0.1", 80)) in found


@pytest.mark.parametrize("host", ["no.such.name.invalid", "x" * 64 + ".invalid", "a..b"])
async def test_a_name_that_is_not_there_has_none(host):
    assert await asked(Resolver(asyncio.get_running_loop()), host) == []


async def test_many_questions_share_a_few_threads():
    resolver = Resolver(asyncio.get_running_loop())
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4 * THREADS):
            tasks.create_task(asked(resolver, "localhost"))
    assert resolver._threads == THREADS


def test_an_answer_for_a_loop_that_is_gone_is_dropped():
    loop = asyncio.new_event_loop()
    resolver = Resolver(loop)
    loop.close()
    resolver._answer([], lambda addresses: pytest.fail("called"))
