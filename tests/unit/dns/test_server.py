import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from tests.unit.dns.messages import answers, query, read
from tests.unit.dns.servers import Answers, tcp_socket, udp_socket

from ktconnect.dns.ask import AskFailed, ask_stream
from ktconnect.dns.resolver import Limits
from ktconnect.dns.server import DnsServer
from ktconnect.dns.upstream import UpstreamAsk
from ktconnect.dns.zone import Zone

WEB = "web.shop.svc.cluster.local"
ZONE = Zone("cluster.local", "shop", frozenset({("web", "shop")}))
DEFAULT = Limits()


class Running:
    def __init__(self, limits: Limits) -> None:
        self.udp, self.tcp = udp_socket(), tcp_socket()
        self.cluster = Answers({WEB: tuple(f"{WEB}. 30 IN A 10.96.0.{n}" for n in range(50))})
        asks = {"cluster": self.cluster, "upstream": Answers()}
        self.server = DnsServer([self.udp], [self.tcp], asks, ZONE, limits)
        self.address = self.udp.getsockname()
        self.tcp_address = self.tcp.getsockname()


@contextlib.asynccontextmanager
async def running(limits: Limits = DEFAULT) -> AsyncIterator[Running]:
    bench = Running(limits)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.server.run())
        await asyncio.sleep(0)
        yield bench
        task.cancel()


@contextlib.asynccontextmanager
async def connected(bench: Running) -> AsyncIterator[socket.socket]:
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, bench.tcp_address)
        yield sock


async def test_a_resolver_gets_its_answer_by_udp():
    async with running() as bench:
        wire = await UpstreamAsk([bench.address])(query("web", edns=1232))
        assert len(answers(wire)) == 50
        assert bench.server.statistics().cluster == 1


async def test_several_queries_on_one_tcp_connection_are_answered():
    async with running() as bench, connected(bench) as sock:
        for _ in range(2):
            assert len(answers(await ask_stream(sock, query("web")))) == 50


async def test_the_zone_can_be_replaced_while_running():
    async with running() as bench:
        assert bench.server.zone is ZONE
        bench.server.zone = Zone("cluster.local", "shop")
        wire = await UpstreamAsk([bench.address])(query("web"))
        assert read(wire).rcode() == 3


async def test_a_query_that_comes_at_the_very_end_is_dropped_without_a_word():
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    with udp_socket() as asker:
        async with running() as bench:
            for name in ("web", "other.example"):
                asker.sendto(query(name), bench.address)
        await asyncio.sleep(0)
    assert told == []


async def test_an_idle_tcp_connection_is_closed():
    async with running(Limits(idle=0.02)) as bench, connected(bench) as sock:
        assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""


async def test_an_answer_that_comes_after_the_asker_left_harms_nobody():
    async with running(Limits(idle=0.02)) as bench:
        bench.cluster.gate.clear()
        async with connected(bench) as sock:
            with pytest.raises((AskFailed, OSError)):
                await ask_stream(sock, query("web"))
        bench.cluster.gate.set()
        assert answers(await UpstreamAsk([bench.address])(query("web", edns=1232)))


async def test_tcp_connections_are_limited():
    async with running(Limits(connections=1)) as bench, connected(bench) as first:
        await ask_stream(first, query("web"))
        async with connected(bench) as second:
            with pytest.raises((AskFailed, OSError)):
                await ask_stream(second, query("web"))


async def test_rubbish_is_survived():
    async with running() as bench:
        with udp_socket() as sock:
            sock.sendto(b"rubbish", bench.address)
            sock.sendto(b"\0" * 12, bench.address)
        async with connected(bench) as sock:
            sock.send(b"\0\0")
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        assert answers(await UpstreamAsk([bench.address])(query("web", edns=1232)))


async def test_a_burst_is_answered_whole():
    async with running() as bench:
        with udp_socket() as sock:
            for number in range(200):
                sock.sendto(query(f"x{number}.example", number=number), bench.address)
            loop = asyncio.get_running_loop()
            seen = {(await loop.sock_recv(sock, 512))[:2] for _ in range(200)}
        assert len(seen) == 200


async def test_the_sockets_are_closed_at_the_end():
    async with running() as bench:
        pass
    assert bench.udp.fileno() == bench.tcp.fileno() == -1
