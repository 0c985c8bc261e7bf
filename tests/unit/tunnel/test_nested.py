import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from tests.unit.tunnel.ends import tcp_pair, until

from ktconnect.tunnel.nested import streams_loop


@contextlib.asynccontextmanager
async def pairs(count: int) -> AsyncIterator[list[tuple[socket.socket, socket.socket]]]:
    made = [tcp_pair() for _ in range(count)]
    try:
        yield made
    finally:
        for near, far in made:
            streams_loop().remove_reader(near.fileno())
            near.close()
            far.close()


async def test_there_is_one_for_each_asyncio_loop():
    assert streams_loop() is streams_loop()
    other = asyncio.new_event_loop()
    try:
        assert await asyncio.to_thread(lambda: other.run_until_complete(own())) is not None
    finally:
        other.close()


async def own() -> object:
    return streams_loop()


async def test_all_that_are_ready_are_one_round_and_what_they_asked_for_ends_it():
    loop, heard = streams_loop(), list[str]()
    async with pairs(2) as made:
        for (near, far), name in zip(made, "ab", strict=True):

            def ready(near: socket.socket = near, name: str = name) -> None:
                near.recv(1)
                heard.append(name)
                loop.call_soon(lambda: heard.append(f"after {name}"))

            loop.add_reader(near.fileno(), ready)
            far.send(b"x")
        await until(lambda: len(heard) == 4)
    assert sorted(heard[:2]) == ["a", "b"]
    assert sorted(heard[2:]) == ["after a", "after b"]


async def test_what_the_end_of_a_round_asks_for_is_not_forgotten():
    loop, heard = streams_loop(), list[str]()
    async with pairs(1) as [(near, far)]:

        def ready() -> None:
            near.recv(1)
            loop.call_soon(lambda: loop.call_soon(lambda: heard.append("late")))
            loop.call_soon(lambda: heard.append("never")).cancel()

        loop.add_reader(near.fileno(), ready)
        far.send(b"x")
        await until(lambda: heard)
    assert heard == ["late"]


async def test_outside_of_a_round_it_calls_in_the_next_turn_of_asyncio():
    heard = list[str]()
    streams_loop().call_soon(lambda: heard.append("called"))
    assert not heard
    await asyncio.sleep(0)
    assert heard == ["called"]


class Fragile:
    def __init__(self) -> None:
        self.broken = 0

    def ready(self) -> None:
        raise ValueError("what nobody expected")

    def broke(self) -> None:
        self.broken += 1


async def test_an_exception_is_told_and_ends_nobody_but_its_owner():
    loop, told, fragile = streams_loop(), list[dict[str, Any]](), Fragile()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    heard: list[bytes] = []
    async with pairs(2) as [(first, far_first), (second, far_second)]:
        loop.add_reader(first.fileno(), fragile.ready)
        loop.add_reader(second.fileno(), lambda: heard.append(second.recv(9)))
        far_first.send(b"x")
        far_second.send(b"y")
        await until(lambda: fragile.broken and heard)
        assert heard == [b"y"]
    assert "what nobody expected" in str(told[0]["exception"])
