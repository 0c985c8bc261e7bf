import asyncio
import socket

import pytest
from tests.unit.agent.calling import call, laptop, saying, taking_callers
from tests.unit.tunnel.ends import FACTS, TOKEN, free_port, tunnel_to, until

from ktconnect.agent.serve import Agent
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec, Listen


async def test_a_laptop_that_comes_back_hears_what_became_of_callers():
    async with saying(b"origin") as origin, saying(b"laptop") as local:
        with taking_callers(origin) as place:
            async with laptop(place, local):
                await call(place.port)
            await until(lambda: not place.agent.inbound.laptops.greeted)
            for _ in range(3):
                await call(place.port)
            async with tunnel_to(place.spec.port) as tunnel:
                facts = await tunnel.ready()
            told = (facts.calls_to_laptop, facts.calls_to_origin, facts.calls_failed)
            assert told == (1, 3, 0)
            assert 0 < facts.alone < 20
            assert "no laptop: callers go to the origin" in place.lines


async def test_a_second_pipe_hears_that_there_is_a_laptop():
    with taking_callers() as place:
        async with tunnel_to(place.spec.port):
            async with tunnel_to(place.spec.port) as second:
                assert (await second.ready()).alone == 0


async def test_a_taken_port_leaves_nothing_open():
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listens = Listen("tcp", free), Listen("tcp", taken.getsockname()[1])
        spec = AgentSpec(token_digest(TOKEN), free_port(), listens)
        with pytest.raises(OSError, match="in use"):
            Agent(asyncio.get_running_loop(), spec, FACTS, print)
    for port in (free, spec.port):
        socket.create_server(("127.0.0.1", port)).close()


async def test_several_ports_are_served_side_by_side():
    async with saying(b"one") as one, saying(b"two") as two:
        listens = [Listen("tcp", free_port(), f"127.0.0.1:{target.port}") for target in (one, two)]
        spec = AgentSpec(token_digest(TOKEN), free_port(), tuple(listens))
        agent = Agent(asyncio.get_running_loop(), spec, FACTS, lambda line: None)
        assert [await call(listen.port) for listen in listens] == [b"one:?", b"two:?"]
        await until(lambda: not agent.inbound.open)
        agent.close()
