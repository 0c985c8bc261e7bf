import asyncio
import socket
from contextlib import contextmanager

import pytest

from ktconnect.errors import TunnelClosed
from ktconnect.host import udprelay
from ktconnect.host.localports import bind_all, port_of
from ktconnect.host.udprelay import UdpRelay
from ktconnect.wire.target import Target

HERE, THERE = Target("udp", "10.0.0.1", 53), Target("udp", "10.0.0.2", 53)


class Flow:
    """The far end of a flow: says back what it is sent, with the target's name."""

    def __init__(self, target, events):
        self.target, self.events, self.closed = target, events, False

    def send(self, data):
        self.events.datagram_received(self.target.host.encode() + b" " + data)
        return True

    def close(self):
        self.closed = True


class Far:
    def __init__(self):
        self.target, self.flows, self.is_down = HERE, [], False

    def route(self):
        return self.target

    def open(self, target, events):
        if self.is_down:
            raise TunnelClosed("no pipe")
        self.flows.append(Flow(target, events))
        return self.flows[-1]


@contextmanager
def relaying(far):
    [sock] = bind_all(("127.0.0.1",), "udp", 0)
    relay = UdpRelay(sock, far.route, far.open)
    try:
        yield ("127.0.0.1", port_of([sock]))
    finally:
        relay.close()
        relay.close()


@contextmanager
def program(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(address)
        yield sock


async def asked(sock, data):
    sock.send(data)
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(sock, 100)


async def test_every_program_has_a_flow_of_its_own_and_hears_its_own_answers():
    far = Far()
    with relaying(far) as address, program(address) as one, program(address) as two:
        assert await asked(one, b"a") == b"10.0.0.1 a"
        assert await asked(two, b"b") == b"10.0.0.1 b"
        assert await asked(one, b"c") == b"10.0.0.1 c"
        assert len(far.flows) == 2
    assert all(flow.closed for flow in far.flows)


async def test_the_next_datagram_goes_where_the_way_leads_now():
    far = Far()
    with relaying(far) as address, program(address) as one:
        await asked(one, b"a")
        far.target = THERE
        assert await asked(one, b"b") == b"10.0.0.2 b"
        assert far.flows[0].closed


async def test_a_flow_that_is_over_is_opened_anew():
    far = Far()
    with relaying(far) as address, program(address) as one:
        await asked(one, b"a")
        far.flows[0].events.flow_closed(0)
        assert await asked(one, b"b") == b"10.0.0.1 b"
        assert len(far.flows) == 2


async def test_what_cannot_be_sent_is_dropped_until_the_way_is_back():
    far = Far()
    far.is_down = True
    with relaying(far) as address, program(address) as one:
        one.send(b"lost")
        await asyncio.sleep(0.05)
        far.is_down = False
        assert await asked(one, b"b") == b"10.0.0.1 b"


async def test_the_program_that_was_silent_longest_gives_way(monkeypatch):
    monkeypatch.setattr(udprelay, "PEERS", 2)
    far = Far()
    with relaying(far) as address, program(address) as one, program(address) as two:
        await asked(one, b"a")
        await asked(two, b"a")
        await asked(one, b"b")
        with program(address) as three:
            await asked(three, b"a")
        assert [flow.closed for flow in far.flows] == [False, True, False]


async def test_a_program_that_has_gone_is_nobodys_failure():
    far = Far()
    with relaying(far) as address:
        with program(address) as one:
            await asked(one, b"a")
        far.flows[0].events.datagram_received(b"late")
        with program(address) as two:
            assert await asked(two, b"b") == b"10.0.0.1 b"


@pytest.mark.parametrize("size", [0, 1, 9000])
async def test_a_datagram_of_any_size_is_one(size):
    far = Far()
    with relaying(far) as address, program(address) as one:
        one.send(b"x" * size)
        async with asyncio.timeout(5):
            got = await asyncio.get_running_loop().sock_recv(one, 70_000)
        assert len(got) == size + len("10.0.0.1 ")
