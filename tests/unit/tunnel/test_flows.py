import asyncio
import contextlib
import errno
import socket

import pytest
from tests.unit.tunnel.ends import free_port, link_pair, paper_link, until

from ktconnect.tunnel.datagram import ECHO, DatagramFlow
from ktconnect.tunnel.flows import WAITING, Flows
from ktconnect.tunnel.resolve import Resolver
from ktconnect.wire.frames import Kind, encode, encode_number
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target


class Inbox:
    def __init__(self):
        self.messages = []
        self.closings = []

    def datagram_received(self, data):
        self.messages.append(data)

    def flow_closed(self, reason):
        self.closings.append(reason)


class Shout(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data.upper(), address)


def flows(**idle):
    loop = asyncio.get_running_loop()
    return Flows(loop, Resolver(loop), **idle)


def opener(**idle):
    """Answers a link's opened flows."""
    reaching = flows(**idle)
    return lambda link, number, text: reaching.open(link, number, Target.parse(text))


@contextlib.asynccontextmanager
async def shouting(host="127.0.0.1"):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Shout, (host, 0))
    yield Target("udp", host, transport.get_extra_info("sockname")[1])
    transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_udp_messages_go_both_ways(host):
    async with shouting(host) as target:
        with link_pair(opener()) as (laptop, _):
            inbox = Inbox()
            flow = DatagramFlow(laptop, target, inbox)
            for message in (b"one", b"two", b"x" * 60_000):
                flow.send(message)
            await until(lambda: len(inbox.messages) == 3)
            assert inbox.messages == [b"ONE", b"TWO", b"X" * 60_000]


async def test_a_name_is_resolved_and_the_first_messages_wait_for_it():
    async with shouting() as target:
        with link_pair(opener()) as (laptop, _):
            inbox = Inbox()
            flow = DatagramFlow(laptop, Target("udp", "ip4-loopback-or-localhost", 1), inbox)
            await until(lambda: inbox.closings)
            assert inbox.closings == [Reason.EHOSTUNREACH]
            assert not flow.send(b"x")
            flow = DatagramFlow(laptop, Target("udp", "127.1", target.port), inbox)
            flow.send(b"early")
            await until(lambda: inbox.messages)
            assert inbox.messages == [b"EARLY"]


async def test_messages_that_wait_for_a_name_are_bounded():
    link, pipe, _ = paper_link()
    loop = asyncio.get_running_loop()
    flows().open(link, 1, Target("udp", "127.1", free_port()))
    for _ in range(WAITING + 10):
        link.data_received(memoryview(encode(Kind.DATAGRAM, 1, b"x")))
    (member,) = link._members.values()
    assert len(member._waiting) == WAITING  # type: ignore[attr-defined]
    del loop, pipe
    link.close()


async def test_a_closed_port_is_told_as_an_errno():
    with link_pair(opener()) as (laptop, agent):
        inbox = Inbox()
        DatagramFlow(laptop, Target("udp", "127.0.0.1", free_port()), inbox).send(b"anyone?")
        await until(lambda: inbox.closings)
        assert inbox.closings == [Reason.ECONNREFUSED]
        assert agent.streams == 0


async def test_an_idle_flow_is_closed():
    async with shouting() as target:
        with link_pair(opener(udp_idle=0.05)) as (laptop, agent):
            inbox = Inbox()
            DatagramFlow(laptop, target, inbox).send(b"x")
            await until(lambda: inbox.closings)
            assert inbox.messages == [b"X"]
            assert inbox.closings == [Reason.IDLE]
            assert agent.streams == 0


async def test_a_flow_that_is_used_stays():
    async with shouting() as target:
        with link_pair(opener(udp_idle=0.2)) as (laptop, _):
            inbox = Inbox()
            flow = DatagramFlow(laptop, target, inbox)
            for _ in range(6):
                flow.send(b"x")
                await asyncio.sleep(0.06)
            assert inbox.closings == []


async def test_closing_a_flow_closes_its_socket_at_the_other_end():
    async with shouting() as target:
        with link_pair(opener()) as (laptop, agent):
            flow = DatagramFlow(laptop, target, Inbox())
            await until(lambda: agent.streams)
            flow.close()
            await until(lambda: not agent.streams)


async def test_what_comes_faster_than_the_pipe_waits_in_the_kernel():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        link, pipe, _ = paper_link()
        flows().open(link, 1, Target("udp", *server.getsockname()))
        link.data_received(memoryview(encode(Kind.DATAGRAM, 1, b"hello")))
        _, client = server.recvfrom(10)
        pipe.room = 1
        link.ping()
        for number in range(50):
            server.sendto(bytes([number]), client)
        await asyncio.sleep(0.05)
        assert link.outbox.waiting == 0
        pipe.frames.clear()
        pipe.room = 1000
        link.resume_writing()
        await until(lambda: len(pipe.frames) == 50)
        assert [data for _, _, data in pipe.frames] == [bytes([n]) for n in range(50)]
        link.close()


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", 2), ("::1", 10)])
async def test_an_echo_is_answered_by_its_target_alone(host, family):
    allow_ping(family)
    with link_pair(opener()) as (laptop, _):
        inbox = Inbox()
        flow = DatagramFlow(laptop, Target("icmp", host), inbox)
        for number in (1, 2):
            flow.send(ECHO.pack(77, number) + b"are you there?")
        await until(lambda: len(inbox.messages) == 2)
        assert inbox.messages == [ECHO.pack(77, n) + b"are you there?" for n in (1, 2)]


def allow_ping(family):
    """Skip where net.ipv4.ping_group_range keeps this user from ping sockets."""
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    try:
        socket.socket(family, socket.SOCK_DGRAM, protocol).close()
    except PermissionError:
        pytest.skip("net.ipv4.ping_group_range does not hold this user's group")


@pytest.mark.parametrize(
    "target", [Target("udp", "255.255.255.255", 9), Target("icmp", "255.255.255.255")]
)
async def test_an_address_that_can_not_be_reached_is_told_as_an_errno(target):
    with link_pair(opener()) as (laptop, agent):
        inbox = Inbox()
        DatagramFlow(laptop, target, inbox).send(ECHO.pack(1, 1))
        await until(lambda: inbox.closings)
        assert inbox.closings[0] in (errno.EPERM, errno.EACCES, errno.ENETUNREACH)
        assert agent.streams == 0


@pytest.mark.parametrize(
    "frame", [encode(Kind.DATA, 1, b"x"), encode(Kind.EOF, 1), encode_number(Kind.WINDOW, 1, 1)]
)
async def test_stream_frames_on_a_flow_break_the_protocol(frame):
    link, _, heard = paper_link()
    flows().open(link, 1, Target("udp", "127.0.0.1", 9))
    link.data_received(memoryview(frame))
    assert "on flow 1" in heard.closings[0]
