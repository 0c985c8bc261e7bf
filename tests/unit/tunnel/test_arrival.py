import asyncio
import socket

import pytest
from tests.unit.tunnel.ends import free_port, link_pair, serving, tcp_pair, until
from tests.unit.tunnel.test_dial import deaf_server, dialed, greet

from ktconnect.tunnel.arrival import Arrival
from ktconnect.tunnel.dial import Dialer
from ktconnect.tunnel.link import Link
from ktconnect.tunnel.member import End, Side
from ktconnect.tunnel.outbox import THIS_ROUND, UNASKED
from ktconnect.tunnel.pipe import Pipe
from ktconnect.tunnel.stream import Stream
from ktconnect.wire.target import Target


async def test_a_client_that_gives_up_ends_the_dialling():
    with deaf_server() as target, dialed(target) as (sock, agent):
        await until(lambda: agent.streams)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        await until(lambda: not agent.streams)


async def test_a_client_that_gives_up_while_its_name_is_resolved_is_forgotten():
    dialer = Dialer(asyncio.get_running_loop())
    with link_pair(dialer) as (laptop, agent):
        number = laptop.open(Target("tcp", "localhost", free_port()))
        laptop.refuse(number, 104)
        await until(lambda: agent.bytes_received and not agent.streams)
        await asyncio.sleep(0.05)
        assert not agent.closed


class CountedPipe:
    """Counts the messages that go over another pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self.sends = 0
        self.start, self.close = pipe.start, pipe.close
        self._send = pipe.send

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        self.sends += 1
        return self._send(buffer, start, end)


@pytest.mark.parametrize("patience", [19.0, THIS_ROUND])
async def test_opened_travels_with_an_answer_that_follows_unless_it_is_waited_for(patience):
    """The fast path of ``connect``: one message there, one back."""
    dialer = Dialer(asyncio.get_running_loop(), patience=patience)
    assert 0 < Dialer(dialer.loop).patience == UNASKED
    async with serving(greet) as target:
        with link_pair(dialer) as (laptop, agent):
            await until(lambda: laptop.greeted and agent.pings.rtt)
            counted = agent.outbox._pipe = CountedPipe(agent.outbox._pipe)
            application, local = tcp_pair()
            with application:
                stream, opened = Stream(laptop, laptop.open(target)), list[bool]()
                stream.on_opened = lambda: opened.append(True)
                application.sendall(b"you")
                stream.attach(local)
                assert await asyncio.get_running_loop().sock_recv(application, 100) == b"hello you"
                assert opened == [True]
                assert (counted.sends == 1) == (patience > THIS_ROUND)


async def test_who_asks_hears_of_the_target_and_of_the_end():
    heard: list[object] = []

    def begin(link: Link, number: int, text: str) -> None:
        arrival = Arrival(dialer, link, number)
        arrival.on_connected = lambda sock: heard.append(sock.getpeername()[1])
        arrival.on_end = heard.append
        arrival.go(Target.parse(text))

    dialer = Dialer(asyncio.get_running_loop())
    async with serving(greet) as target:
        with link_pair(begin) as (laptop, agent):
            stream = Stream(laptop, laptop.open(target))
            await until(lambda: heard)
            stream.abort(104)
            await until(lambda: len(heard) == 2)
            assert not agent.streams
    assert heard == [target.port, End(Side.THERE, 104)]
