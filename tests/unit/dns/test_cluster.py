import asyncio
import errno
import socket
from collections.abc import Callable

import pytest
from tests.unit.dns.messages import answers, query, response
from tests.unit.dns.servers import serving
from tests.unit.tunnel.ends import running_agent, tunnel_to

from ktconnect.dns.ask import AskFailed, receive_query
from ktconnect.dns.cluster import ClusterAsk
from ktconnect.dns.message import with_id
from ktconnect.errors import TunnelClosed
from ktconnect.wire.target import Target

ASKED = query("web.shop")
ROW = "web.shop. 5 IN A 10.0.0.1"


class FakeFlow:
    def __init__(self, tunnel: "FakeTunnel", events: ClusterAsk) -> None:
        self.tunnel, self.events = tunnel, events
        self.closed = False

    def send(self, data: bytes) -> None:
        self.tunnel.sent.append(data)
        self.tunnel.used.set()
        for answer in self.tunnel.behaviour(data):
            asyncio.get_running_loop().call_soon(self.events.datagram_received, answer)

    def close(self) -> None:
        self.closed = True


class FakeTunnel:
    """A tunnel behind which a DNS server answers as told."""

    def __init__(self, behaviour: Callable[[bytes], list[bytes]]) -> None:
        self.behaviour = behaviour
        self.sent: list[bytes] = []
        self.flows: list[FakeFlow] = []
        self.targets: list[str] = []
        self.joined: list[socket.socket] = []
        self.used = asyncio.Event()

    def open_datagrams(self, target: Target, events: ClusterAsk) -> FakeFlow:
        self.targets.append(str(target))
        self.flows.append(FakeFlow(self, events))
        return self.flows[-1]

    def join(self, sock: socket.socket, target: Target) -> None:
        self.targets.append(str(target))
        self.joined.append(sock)
        self.used.set()


def right(asked: bytes) -> list[bytes]:
    return [response(asked, ROW)]


def silent(asked: bytes) -> list[bytes]:
    return []


def asking_through(tunnel: FakeTunnel, host: str = "10.96.0.10", limit: float = 10.0) -> ClusterAsk:
    return ClusterAsk(tunnel, host, retry=0.02, limit=limit)


async def test_many_queries_share_one_flow_and_each_gets_its_answer():
    tunnel = FakeTunnel(right)
    ask = asking_through(tunnel)
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(ask(with_id(ASKED, number))) for number in range(50)]
    assert [task.result()[:2] for task in asking] == [n.to_bytes(2, "big") for n in range(50)]
    assert answers(asking[7].result()) == [ROW]
    assert tunnel.targets == ["udp:10.96.0.10:53"]
    assert len({sent[:2] for sent in tunnel.sent}) == 50


async def test_a_lost_query_is_sent_once_more_on_a_new_flow():
    tunnel = FakeTunnel(lambda q: right(q) if len(tunnel.sent) > 1 else [])
    assert answers(await asking_through(tunnel)(ASKED)) == [ROW]
    assert len(tunnel.sent) == 2
    assert [flow.closed for flow in tunnel.flows] == [True, False]


async def test_a_flow_on_which_something_came_is_kept():
    def stray_then_right(asked: bytes) -> list[bytes]:
        return right(asked) if len(tunnel.sent) > 1 else [b"", response(query("else"))]

    tunnel = FakeTunnel(stray_then_right)
    assert answers(await asking_through(tunnel)(ASKED)) == [ROW]
    assert len(tunnel.flows) == 1


async def test_no_answer_at_all_is_a_failure_in_time():
    tunnel = FakeTunnel(silent)
    with pytest.raises(AskFailed, match="no answer"):
        await asking_through(tunnel, limit=0.2)(ASKED)
    assert len(tunnel.sent) == 2


async def test_a_flow_that_closed_is_opened_again():
    tunnel = FakeTunnel(right)
    ask = asking_through(tunnel)
    await ask(ASKED)
    ask.flow_closed(errno.ECONNREFUSED)
    assert answers(await ask(ASKED)) == [ROW]
    assert len(tunnel.flows) == 2


async def test_when_the_tunnel_goes_everybody_hears_it_at_once():
    tunnel = FakeTunnel(silent)
    ask = asking_through(tunnel)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_failure(ask))
        await asyncio.sleep(0)
        ask.available = False
    assert "gone" in asking.result()
    assert "no way" in await _failure(ask)
    assert not ask.available
    ask.available = True
    tunnel.behaviour = right
    assert answers(await ask(ASKED)) == [ROW]


async def _failure(ask: ClusterAsk) -> str:
    with pytest.raises(AskFailed) as caught:
        await ask(ASKED)
    return str(caught.value)


async def test_a_tunnel_that_is_closed_is_a_failure_like_any_other():
    def closed(asked: bytes) -> list[bytes]:
        raise TunnelClosed("no pipe")

    assert "no pipe" in await _failure(asking_through(FakeTunnel(closed)))


async def test_it_works_through_a_real_tunnel_and_agent():
    many = [f"web.shop. 5 IN A 10.{n // 250}.0.{n % 250}" for n in range(2500)]
    with running_agent() as port:
        async with serving(lambda q: response(q, ROW), lambda q: response(q, *many)) as server:
            async with tunnel_to(port) as tunnel:
                ask = ClusterAsk(tunnel, *server)
                assert answers(await ask(ASKED)) == [ROW]
                assert len(answers(await ask(ASKED, tcp=True))) == 2500


async def test_closing_after_an_answer_harms_nobody():
    tunnel = FakeTunnel(right)
    ask = asking_through(tunnel)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(ask(ASKED))
        await tunnel.used.wait()
        ask.datagram_received(response(tunnel.sent[0], ROW))
        ask.close()
    assert answers(asking.result()) == [ROW]


async def test_a_query_that_came_by_tcp_goes_through_a_stream():
    tunnel = FakeTunnel(silent)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(asking_through(tunnel, "fd00::10")(ASKED, tcp=True))
        await tunnel.used.wait()
        with tunnel.joined[0] as far:
            [wire] = right(await receive_query(far))
            far.send(len(wire).to_bytes(2, "big") + wire)
            await asyncio.wait([asking])
    assert answers(asking.result()) == [ROW]
    assert tunnel.targets == ["tcp:[fd00::10]:53"]
