import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.tunnel.ends import (
    QUICK,
    TOKEN,
    connect,
    free_port,
    joined,
    read_all,
    running,
    running_agent,
    serving,
    tunnel_to,
    until,
)

from ktconnect.errors import Forbidden, TunnelClosed, Unreachable
from ktconnect.tunnel.link import LAST_NUMBER
from ktconnect.tunnel.pipe import Pipe, PipeEvents
from ktconnect.tunnel.socketpipe import SocketPipe
from ktconnect.tunnel.status import TunnelState
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.hello import AgentFacts, HelloRefused
from ktconnect.wire.target import Target

NOWHERE = Target("tcp", "127.0.0.1", 1)


async def shout(reader, writer):
    """Echo in upper case, after the caller's end of file."""
    writer.write((await reader.read()).upper())
    await writer.drain()


async def echo(reader, writer):
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def receive(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 100)


class MutablePipe:
    """A pipe that can fall silent: open, but nothing comes and what is sent is swallowed."""

    def __init__(self, pipe: SocketPipe) -> None:
        self.pipe = pipe
        self.mute = False

    def start(self, events: PipeEvents) -> None:
        self.events = events
        self.pipe.start(self)

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        return True if self.mute else self.pipe.send(buffer, start, end)

    def close(self) -> None:
        self.pipe.close()

    def data_received(self, data: memoryview) -> None:
        if not self.mute:
            self.events.data_received(data)

    def resume_writing(self) -> None:
        self.events.resume_writing()

    def pipe_lost(self, reason: str) -> None:
        self.events.pipe_lost(reason)


def mutable(port: int) -> tuple[list[MutablePipe], Callable[[], Awaitable[Pipe]]]:
    pipes: list[MutablePipe] = []

    async def open_pipe() -> Pipe:
        pipes.append(MutablePipe(await connect(port)))
        return pipes[-1]

    return pipes, open_pipe


async def test_bytes_go_both_ways_with_half_close():
    loop = asyncio.get_running_loop()
    with running_agent() as port:
        async with serving(shout) as target, tunnel_to(port, pipes=4) as tunnel:
            with joined(tunnel, target) as sock:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(loop.sock_sendall(sock, b"x" * 1_000_000))
                sock.shutdown(socket.SHUT_WR)
                assert await read_all(sock) == b"X" * 1_000_000


async def test_a_refused_dial_resets_one_stream_and_keeps_the_tunnel():
    with running_agent() as port:
        async with serving(shout) as target, tunnel_to(port) as tunnel:
            with joined(tunnel, Target("tcp", "127.0.0.1", free_port())) as sock:
                with pytest.raises(ConnectionResetError):
                    await receive(sock)
            with joined(tunnel, target) as sock:
                sock.shutdown(socket.SHUT_WR)
                assert await read_all(sock) == b""
            assert tunnel.statistics().reconnections == 0


async def test_the_agents_facts_come_with_the_first_pipe():
    with running_agent() as port:
        async with running(Tunnel(lambda: connect(port), TOKEN)) as tunnel:
            facts = await tunnel.ready()
            assert facts.addresses == ("10.0.0.1",)
            assert tunnel.statistics().pipes >= 1
            await until(lambda: tunnel.statistics().pipes == 4)


async def test_every_greeting_tells_the_agents_facts_to_who_wants_to_hear_them():
    heard: list[AgentFacts] = []
    with running_agent() as port:
        tunnel = Tunnel(lambda: connect(port), TOKEN, pipes=2)
        tunnel.on_greeted = heard.append
        async with running(tunnel):
            await until(lambda: len(heard) == 2)
    assert {facts.addresses for facts in heard} == {("10.0.0.1",)}


async def test_a_wrong_token_is_refused_with_the_reason_at_once():
    with running_agent(token="another") as port:
        async with running(Tunnel(lambda: connect(port), TOKEN)) as tunnel:
            with pytest.raises(HelloRefused, match="wrong token"):
                await tunnel.ready()


async def test_a_missing_right_is_told_at_once():
    async def forbidden() -> Pipe:
        raise Forbidden("can't get pods/portforward")

    async with running(Tunnel(forbidden, TOKEN)) as tunnel:
        with pytest.raises(Forbidden, match="portforward"):
            await tunnel.ready()


async def test_an_agent_that_can_not_be_had_is_told_with_the_reason():
    async def unreachable() -> Pipe:
        raise Unreachable("no route to the API server")

    async with running(Tunnel(unreachable, TOKEN, timing=QUICK)) as tunnel:
        with pytest.raises(TunnelClosed, match="no route to the API server"):
            await tunnel.ready(0.1)


async def test_a_pipe_that_never_greets_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        timing = Timing(attempt=0.05)
        async with running(Tunnel(lambda: connect(port), TOKEN, timing=timing)) as tunnel:
            with pytest.raises(TunnelClosed, match=r"no answer in 0\.05 s"):
                await tunnel.ready(0.2)


async def test_a_tunnel_that_was_closed_is_not_ready():
    tunnel = Tunnel(lambda: connect(1), TOKEN)
    async with running(tunnel):
        await until(lambda: tunnel.statistics().reason)
    with pytest.raises(TunnelClosed, match="closed"):
        await tunnel.ready()


async def test_without_a_pipe_a_connection_is_reset_and_a_flow_is_refused():
    tunnel = Tunnel(lambda: connect(1), TOKEN)
    with joined(tunnel, NOWHERE) as sock:
        with pytest.raises(ConnectionResetError):
            await receive(sock)
    with pytest.raises(TunnelClosed, match="not yet connected"):
        tunnel.open_datagrams(Target("udp", "127.0.0.1", 9), Inbox())


async def test_a_lost_agent_resets_its_streams_and_is_found_again():
    states: list[TunnelState] = []
    port = free_port()
    async with serving(echo) as target:
        with contextlib.ExitStack() as agent:
            agent.enter_context(running_agent(port))
            async with tunnel_to(port, pipes=2, timing=QUICK) as tunnel:
                await until(lambda: tunnel.statistics().pipes == 2)
                tunnel.on_state = lambda state, reason: states.append(state)
                with joined(tunnel, target) as sock:
                    agent.close()
                    with pytest.raises(ConnectionResetError):
                        await receive(sock)
                await until(lambda: tunnel.statistics().state is TunnelState.DOWN)
                with running_agent(port):
                    await until(lambda: tunnel.statistics().pipes == 2)
                    with joined(tunnel, target) as sock:
                        sock.sendall(b"back")
                        assert await receive(sock) == b"back"
                    assert tunnel.statistics().reconnections >= 2
    assert states[0] is TunnelState.DOWN
    assert TunnelState.UP in states


async def test_a_pipe_that_is_open_but_dead_is_noticed_and_replaced():
    states: list[tuple[TunnelState, str]] = []
    with running_agent() as port:
        pipes, open_pipe = mutable(port)
        async with serving(echo) as target:
            async with running(Tunnel(open_pipe, TOKEN, pipes=1, timing=QUICK)) as tunnel:
                await tunnel.ready()
                tunnel.on_state = lambda state, reason: states.append((state, reason))
                with joined(tunnel, target) as sock:
                    pipes[0].mute = True
                    with pytest.raises(ConnectionResetError):
                        await receive(sock)
                await until(lambda: tunnel.statistics().state is TunnelState.UP)
    assert states[:2] == [
        (TunnelState.STALLED, "no answer for 0.1 s"),
        (TunnelState.DOWN, "pipe lost: nothing heard for 0.2 s"),
    ]
    assert len(pipes) == 2


async def test_streams_of_other_pipes_survive_the_loss_of_one():
    with running_agent() as port:
        pipes, open_pipe = mutable(port)
        async with serving(echo) as target:
            async with running(Tunnel(open_pipe, TOKEN, pipes=2, timing=QUICK)) as tunnel:
                await tunnel.ready()
                await until(lambda: tunnel.statistics().pipes == 2)
                with joined(tunnel, target) as first, joined(tunnel, target) as second:
                    pipes[0].mute = True
                    with pytest.raises(ConnectionResetError):
                        await receive(first)
                    second.sendall(b"alive")
                    assert await receive(second) == b"alive"


async def test_while_the_agent_is_unreachable_its_owner_can_make_it_again():
    reasons: list[str] = []
    port = free_port()
    with contextlib.ExitStack() as agent:

        async def make_again(reason: str) -> None:
            reasons.append(reason)
            if len(reasons) == 1:
                raise Unreachable("API server busy")
            if len(reasons) == 2:
                agent.enter_context(running_agent(port))

        tunnel = Tunnel(lambda: connect(port), TOKEN, pipes=1, timing=QUICK)
        tunnel.on_unreachable = make_again
        async with running(tunnel):
            await tunnel.ready()
    assert len(reasons) == 2
    assert "Connect call failed" in reasons[0]


async def test_a_probe_asks_the_agent_through_every_pipe():
    with running_agent() as port:
        pipes, open_pipe = mutable(port)
        async with running(Tunnel(open_pipe, TOKEN, pipes=2)) as tunnel:
            assert await tunnel.probe() == []
            await tunnel.ready()
            await until(lambda: tunnel.statistics().pipes == 2)
            pipes[1].mute = True
            answered, silent = await tunnel.probe(0.1)
            assert answered is not None
            assert 0 < answered < 0.1
            assert silent is None


class Inbox:
    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def datagram_received(self, data: bytes) -> None:
        self.messages.append(data)

    def flow_closed(self, errno: int) -> None:
        self.messages.append(b"closed")


async def test_datagrams_travel_beside_streams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, running_agent() as port:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        async with tunnel_to(port) as tunnel:
            inbox = Inbox()
            flow = tunnel.open_datagrams(Target("udp", *server.getsockname()), inbox)
            flow.send(b"ping")
            data, client = await asyncio.get_running_loop().sock_recvfrom(server, 100)
            server.sendto(data + b"pong", client)
            await until(lambda: inbox.messages)
            assert inbox.messages == [b"pingpong"]


async def test_new_streams_go_to_the_pipe_that_is_least_busy():
    with running_agent() as port:
        async with serving(echo) as target, tunnel_to(port, pipes=3, timing=QUICK) as tunnel:
            await until(lambda: tunnel.statistics().pipes == 3)
            socks = [joined(tunnel, target) for _ in range(6)]
            assert sorted(lane.link.streams for lane in tunnel._lanes.up) == [2, 2, 2]
            tunnel._lanes.up[0].link.bytes_received += 10_000_000
            tunnel._lanes.up[1].link.outbox.blocked = True
            await until(lambda: tunnel._lanes.up[0].recent)
            socks += [joined(tunnel, target) for _ in range(4)]
            assert [lane.link.streams for lane in tunnel._lanes.up] == [2, 2, 6]
            for sock in socks:
                sock.close()


async def test_a_worn_link_is_replaced_before_it_is_closed():
    with running_agent() as port:
        async with serving(echo) as target, tunnel_to(port, timing=QUICK) as tunnel:
            with joined(tunnel, target) as old:
                worn = tunnel._lanes.up[0]
                worn.link._next = int(LAST_NUMBER * 0.95) | 1
                await until(lambda: tunnel._lanes.up[0] is not worn)
                with joined(tunnel, target) as new:
                    for sock in (old, new):
                        sock.sendall(b"both")
                        assert await receive(sock) == b"both"
                    assert worn.link.streams == 1
                    assert not worn.over
            await until(lambda: worn.over)
            assert tunnel.statistics().reconnections == 0


async def test_statistics_count_what_went_through():
    with running_agent() as port:
        async with serving(shout) as target, tunnel_to(port, timing=QUICK) as tunnel:
            with joined(tunnel, target) as sock:
                assert tunnel.statistics().streams == 1
                sock.sendall(b"x" * 10_000)
                sock.shutdown(socket.SHUT_WR)
                await read_all(sock)
            await until(lambda: tunnel.statistics().rtt is not None)
            stats = tunnel.statistics()
    assert stats.state is TunnelState.UP
    assert stats.bytes_up > 10_000
    assert stats.bytes_down > 10_000
    assert stats.probe_age is not None
    after = tunnel.statistics()
    assert (after.state, after.pipes, after.streams) == (TunnelState.DOWN, 0, 0)
    assert after.bytes_up >= stats.bytes_up


async def test_small_answers_do_not_wait_behind_bulk():
    """By counting: each ping's answer comes while the bulk stream is far from drained."""
    total = 30_000_000

    async def pour(reader, writer):
        for _ in range(total // 100_000):
            writer.write(bytes(100_000))
            await writer.drain()

    loop = asyncio.get_running_loop()
    with running_agent() as port:
        async with serving(pour) as bulk, serving(echo) as small, tunnel_to(port) as tunnel:
            with joined(tunnel, bulk) as heavy, joined(tunnel, small) as light:
                got = 0
                for _ in range(20):
                    light.sendall(b"x")
                    while True:
                        got += len(await loop.sock_recv(heavy, 1 << 20))
                        with contextlib.suppress(BlockingIOError):
                            assert light.recv(1) == b"x"
                            break
                assert got < total
