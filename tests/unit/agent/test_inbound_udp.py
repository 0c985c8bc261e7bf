import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.agent.calling import BRIEF, laptop, taking_callers
from tests.unit.tunnel.ends import free_port, until

from ktconnect.agent import inbound_udp
from ktconnect.wire.target import Target


class Saying(asyncio.DatagramProtocol):
    """Answers each datagram by a word and the datagram."""

    def __init__(self, word: bytes) -> None:
        self.word = word
        self.heard: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.heard.append(data)
        self.transport.sendto(self.word + b":" + data, address)


@contextlib.asynccontextmanager
async def saying(word: bytes) -> AsyncIterator[tuple[Target, Saying]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Saying(word), ("127.0.0.1", 0)
    )
    try:
        yield Target("udp", "127.0.0.1", transport.get_extra_info("sockname")[1]), protocol
    finally:
        transport.close()


class Caller:
    """One source of datagrams."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.connect((host, port))

    async def ask(self, data: bytes) -> bytes:
        self.sock.send(data)
        return await asyncio.get_running_loop().sock_recv(self.sock, 100)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_go_to_the_laptop_and_back(host):
    async with saying(b"origin") as (origin, _), saying(b"laptop") as (local, _):
        with taking_callers(origin, protocol="udp") as place, Caller(place.port, host) as caller:
            async with laptop(place, local):
                assert await caller.ask(b"1") == b"laptop:1"
                assert await caller.ask(b"2") == b"laptop:2"
                assert place.agent.inbound.to_laptop == 1
                assert place.agent.inbound.open == 1


async def test_without_a_laptop_they_go_to_the_origin_until_there_is_one():
    async with saying(b"origin") as (origin, _), saying(b"laptop") as (local, _):
        with taking_callers(origin, protocol="udp") as place, Caller(place.port) as caller:
            assert await caller.ask(b"1") == b"origin:1"
            assert await caller.ask(b"2") == b"origin:2"
            assert place.agent.inbound.to_origin == 1
            async with laptop(place, local):
                assert await caller.ask(b"3") == b"laptop:3"
            await until(lambda: place.agent.inbound.laptops.greeted == 0)
            assert await caller.ask(b"4") == b"origin:4"


async def test_a_laptop_that_refuses_leaves_them_to_the_origin():
    async with saying(b"origin") as (origin, _):
        with taking_callers(origin, protocol="udp") as place, Caller(place.port) as caller:
            async with laptop(place, None):
                assert await caller.ask(b"1") == b"origin:1"
                assert await caller.ask(b"2") == b"origin:2"


async def test_what_a_closed_port_of_the_laptop_did_not_answer_is_repeated_to_the_origin():
    async with saying(b"origin") as (origin, _):
        with taking_callers(origin, protocol="udp") as place, Caller(place.port) as caller:
            async with laptop(place, Target("udp", "127.0.0.1", free_port())):
                assert await caller.ask(b"1") == b"origin:1"


async def test_a_port_that_was_not_asked_for_is_always_passed_on():
    async with saying(b"origin") as (origin, _), saying(b"laptop") as (local, _):
        with taking_callers(origin, protocol="udp", to_laptop=False) as place:
            async with laptop(place, local):
                with Caller(place.port) as caller:
                    assert await caller.ask(b"1") == b"origin:1"
                assert place.agent.inbound.to_origin == 0


async def test_a_laptop_that_does_not_answer_costs_a_wait():
    async with saying(b"origin") as (origin, _):
        with (
            taking_callers(origin, protocol="udp", patience=BRIEF) as place,
            Caller(place.port) as caller,
        ):
            async with laptop(place, None) as tunnel:
                tunnel.on_open = lambda *_: None
                assert await caller.ask(b"1") == b"origin:1"


async def test_without_origin_they_wait_for_a_laptop():
    async with saying(b"laptop") as (local, _):
        with taking_callers(None, protocol="udp") as place, Caller(place.port) as caller:
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(caller.ask(b"1"))
                await until(lambda: place.agent.inbound.open)
                async with laptop(place, local):
                    assert await asking == b"laptop:1"


async def test_without_origin_and_laptop_they_are_dropped_after_a_while():
    with (
        taking_callers(None, protocol="udp", patience=BRIEF) as place,
        Caller(place.port) as caller,
    ):
        caller.sock.send(b"1")
        await until(lambda: place.agent.inbound.failed == 1)
        assert place.agent.inbound.open == 0


async def test_an_idle_caller_is_forgotten(monkeypatch):
    monkeypatch.setattr(inbound_udp, "UDP_IDLE", 0.1)
    async with saying(b"origin") as (origin, _):
        with taking_callers(origin, protocol="udp") as place, Caller(place.port) as caller:
            assert await caller.ask(b"1") == b"origin:1"
            await until(lambda: place.agent.inbound.open == 0)
            assert await caller.ask(b"2") == b"origin:2"


async def test_callers_are_bounded_in_number(monkeypatch):
    monkeypatch.setattr(inbound_udp, "MAX_CALLS", 2)
    async with saying(b"origin") as (origin, _):
        with taking_callers(origin, protocol="udp") as place:
            for number in range(4):
                with Caller(place.port) as caller:
                    assert await caller.ask(b"%d" % number) == b"origin:%d" % number
            assert place.agent.inbound.open == 2
