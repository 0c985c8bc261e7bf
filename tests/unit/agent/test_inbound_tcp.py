import asyncio
import socket

import pytest
from tests.unit.agent.calling import BRIEF, call, laptop, saying, taking_callers
from tests.unit.tunnel.ends import free_port, read_all, until
from tests.unit.tunnel.test_dial import deaf_server

from ktconnect.tunnel.tuning import reset_on_close
from ktconnect.wire.target import Target


async def test_without_a_laptop_callers_go_to_the_origin_at_once():
    async with saying(b"origin") as origin:
        with taking_callers(origin) as place:
            assert await call(place.port) == b"origin:?"
            assert place.agent.inbound.to_origin == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_laptop_gets_the_callers_of_both_families(host):
    async with saying(b"origin") as origin, saying(b"laptop") as local:
        with taking_callers(origin) as place:
            async with laptop(place, local):
                assert await call(place.port, host=host) == b"laptop:?"
                assert place.agent.inbound.to_laptop == 1


async def test_a_laptop_that_refuses_leaves_its_callers_to_the_origin():
    async with saying(b"origin") as origin:
        with taking_callers(origin) as place:
            async with laptop(place, None), asyncio.timeout(5):
                assert await call(place.port) == b"origin:?"
            async with laptop(place, Target("tcp", "127.0.0.1", free_port())), asyncio.timeout(5):
                assert await call(place.port) == b"origin:?"


async def test_a_port_that_was_not_asked_for_is_always_passed_on():
    async with saying(b"origin") as origin, saying(b"laptop") as local:
        with taking_callers(origin, to_laptop=False) as place:
            async with laptop(place, local):
                assert await call(place.port) == b"origin:?"
                assert place.agent.inbound.to_origin == 0


async def test_a_laptop_that_does_not_answer_costs_a_wait_and_no_error():
    async with saying(b"origin") as origin:
        with taking_callers(origin, patience=BRIEF) as place, deaf_server() as deaf:
            async with laptop(place, deaf) as tunnel:
                assert await call(place.port) == b"origin:?"
                await until(lambda: not tunnel.statistics().streams)


async def test_callers_that_wait_go_to_the_origin_the_moment_the_laptop_is_lost():
    async with saying(b"origin") as origin:
        with taking_callers(origin) as place, deaf_server() as deaf:
            async with laptop(place, deaf, pipes=2) as tunnel, asyncio.TaskGroup() as tasks:
                calls = [tasks.create_task(call(place.port)) for _ in range(5)]
                await until(lambda: tunnel.statistics().streams == len(calls))
                for lane in list(tunnel._lanes):
                    lane.link.fail("cut")
            assert {task.result() for task in calls} == {b"origin:?"}


async def test_a_caller_goes_to_another_pipe_if_the_first_is_lost():
    async with saying(b"origin") as origin, saying(b"laptop") as local:
        with taking_callers(origin) as place:
            async with laptop(place, local, pipes=2) as tunnel:
                await until(lambda: tunnel.statistics().pipes == 2)
                deaf = next(lane.link for lane in tunnel._lanes)
                deaf.on_open = lambda link, number, text: link.fail("cut")
                answers = {await call(place.port) for _ in range(6)}
                assert answers == {b"laptop:?"}
                assert place.agent.inbound.to_origin == 0


async def test_without_origin_and_laptop_a_caller_waits_and_is_then_reset():
    with taking_callers(None, patience=BRIEF) as place:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionResetError):
            await call(place.port)
        assert asyncio.get_running_loop().time() - began >= BRIEF.opened
        assert place.agent.inbound.failed == 1


async def test_without_origin_a_caller_that_waits_goes_to_the_laptop_that_comes():
    async with saying(b"laptop") as local:
        with taking_callers(None) as place:
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(call(place.port))
                await until(lambda: place.agent.inbound.open)
                async with laptop(place, local):
                    assert await waiting == b"laptop:?"


async def test_an_origin_that_is_not_there_resets_the_caller():
    with taking_callers(Target("tcp", "127.0.0.1", free_port())) as place:
        with pytest.raises(ConnectionResetError):
            await call(place.port)
        assert place.agent.inbound.failed == 1
        assert place.agent.inbound.open == 0


async def test_a_caller_that_leaves_while_it_waits_is_noticed():
    async with saying(b"origin") as origin:
        with taking_callers(origin) as place, deaf_server() as deaf:
            async with laptop(place, deaf) as tunnel:
                caller = socket.create_connection(("127.0.0.1", place.port))
                await until(lambda: tunnel.statistics().streams)
                reset_on_close(caller)
                caller.close()
                await until(lambda: not tunnel.statistics().streams)
                assert place.agent.inbound.open == 0
                assert place.agent.inbound.to_origin == 0


async def test_nothing_of_a_caller_is_read_before_it_is_taken():
    async with saying(b"origin") as origin:
        with taking_callers(origin, patience=BRIEF) as place, deaf_server() as deaf:
            async with laptop(place, deaf) as tunnel:
                with socket.create_connection(("127.0.0.1", place.port)) as caller:
                    caller.setblocking(False)
                    caller.sendall(b"early")
                    await until(lambda: tunnel.statistics().streams)
                    received = sum(lane.link.bytes_received for lane in tunnel._lanes)
                    assert received < 1000
                    caller.shutdown(socket.SHUT_WR)
                    assert await read_all(caller) == b"origin:early"


async def test_a_caller_that_was_taken_is_reset_when_the_laptop_is_lost():
    async with saying(b"origin") as origin, saying(b"laptop") as local:
        with taking_callers(origin) as place:
            async with laptop(place, local) as tunnel:
                with socket.create_connection(("127.0.0.1", place.port)) as caller:
                    caller.setblocking(False)
                    await until(lambda: place.agent.inbound.to_laptop)
                    for lane in list(tunnel._lanes):
                        lane.link.fail("cut")
                    with pytest.raises(ConnectionResetError):
                        await read_all(caller)


async def test_the_end_of_the_agent_is_the_end_of_its_callers():
    with taking_callers(None) as place:
        with socket.create_connection(("127.0.0.1", place.port)) as caller:
            caller.setblocking(False)
            await until(lambda: place.agent.inbound.open)
            place.agent.close()
            with pytest.raises(ConnectionResetError):
                await read_all(caller)
            assert place.agent.inbound.open == 0
