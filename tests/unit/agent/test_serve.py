import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from dataclasses import replace

import pytest
from tests.unit.agent.calling import saying, taking_callers
from tests.unit.tunnel.ends import FACTS, TOKEN, free_port, read_all, running_agent, until

from ktconnect.agent.serve import UNGREETED, Agent, Patience, listeners, serve, settle
from ktconnect.tunnel.timing import Timing
from ktconnect.wire.frames import Kind, encode
from ktconnect.wire.hello import LaptopDoor, token_digest
from ktconnect.wire.spec import AgentSpec

SHORT = Timing(tick=0.02, ping=0.02, stall=0.1, silence=0.1)


async def knock(port: int, token: str, host: str = "127.0.0.1") -> socket.socket:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setblocking(False)
    await loop.sock_connect(sock, (host, port))
    await loop.sock_sendall(sock, LaptopDoor(token).knock)
    return sock


async def greeted(sock: socket.socket) -> bool:
    """The agent answered with its facts."""
    greeting = await asyncio.get_running_loop().sock_recv(sock, 65_536)
    answer = LaptopDoor(TOKEN).feed(memoryview(greeting))
    return answer is not None and replace(answer.facts or FACTS, alone=0.0) == FACTS


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_laptop_with_the_token_is_let_in_on_either_loopback(host):
    with running_agent() as port, await knock(port, TOKEN, host) as sock:
        assert await greeted(sock)


async def test_a_wrong_token_hears_the_reason_and_then_the_end():
    with running_agent() as port, await knock(port, "guess") as sock:
        assert b"wrong token" in await read_all(sock)


async def test_the_log_knows_no_token():
    lines: list[str] = []
    loop = asyncio.get_running_loop()
    spec = AgentSpec(token_digest(TOKEN), free_port())
    agent = Agent(loop, spec, FACTS, lines.append)
    with await knock(spec.port, "my guess") as bad, await knock(spec.port, TOKEN) as good:
        await read_all(bad)
        assert await greeted(good)
        await until(lambda: len(lines) == 2)
    agent.close()
    assert lines == ["pipe closed: wrong token", "laptop connected (1 pipes)"]


async def test_something_that_speaks_another_protocol_is_shown_out():
    with running_agent() as port, socket.socket() as sock:
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.1\r\n\r\n")
        assert await read_all(sock) == b""


async def test_pipes_that_say_nothing_are_bounded_in_number_and_in_time():
    loop = asyncio.get_running_loop()
    spec = AgentSpec(token_digest(TOKEN), free_port())
    agent = Agent(loop, spec, FACTS, lambda line: None, patience=Patience(hello=0.1))
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", spec.port)))
            for _ in range(UNGREETED + 1)
        ]
        for sock in silent:
            sock.setblocking(False)
        assert await read_all(silent[-1]) == b""
        for sock in silent[:-1]:
            assert await read_all(sock) == b""
        with await knock(spec.port, TOKEN) as sock:
            assert await greeted(sock)
    agent.close()


async def test_a_laptop_that_is_silent_for_long_is_forgotten():
    spec = AgentSpec(token_digest(TOKEN), free_port())
    loop = asyncio.get_running_loop()
    agent = Agent(loop, spec, FACTS, lambda line: None, patience=Patience(timing=SHORT))
    with await knock(spec.port, TOKEN) as sock:
        assert await greeted(sock)
        assert encode(Kind.PING, 0, bytes(7) + b"\2") in await read_all(sock)
    agent.close()
    agent.close()


async def test_a_port_that_is_taken_is_an_error():
    with running_agent() as port:
        with pytest.raises(OSError, match="in use"):
            listeners(port)


def test_a_signal_ends_it_at_once():
    before = gc.get_threshold()
    spec = AgentSpec(token_digest(TOKEN), free_port())
    lines: list[str] = []
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    try:
        serve(spec, lines.append)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        gc.unfreeze()
        gc.set_threshold(*before)
    assert lines == [f"listening on port {spec.port}"]


def test_what_lives_for_ever_is_left_out_of_collections():
    before = gc.get_threshold()
    try:
        settle()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


async def test_callers_are_counted_wherever_they_are():
    async with saying(b"origin") as origin:
        with taking_callers(origin) as place:
            assert place.agent.callers == 0
            _, writer = await asyncio.open_connection("127.0.0.1", place.port)
            await until(lambda: place.agent.callers == 1)
            writer.close()
            await until(lambda: place.agent.callers == 0)
