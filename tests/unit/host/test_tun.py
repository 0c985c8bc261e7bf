"""The port on a datagram socket pair, which keeps packets apart as a TUN does."""

import asyncio
import errno
import os
import socket

import pytest

from ktconnect.errors import TunnelClosed
from ktconnect.host import packets
from ktconnect.host.tun import TunPort

from .test_packets import BOTH, V4, V6, echo, ip, tcp, udp


class FakeTunnel:
    """Remembers what is sent; the test answers."""

    def __init__(self):
        self.flows = []
        self.closed = False

    def open(self, target, events):
        if self.closed:
            raise TunnelClosed("no agent")
        self.flows.append(FakeFlow(target, events))
        return self.flows[-1]


class FakeFlow:
    def __init__(self, target, events):
        self.target = str(target)
        self.events = events
        self.sent = []
        self.closed = asyncio.Event()

    @property
    def is_open(self):
        return not self.closed.is_set()

    def send(self, data):
        self.sent.append(data)

    def close(self):
        self.closed.set()


class Kernel:
    """The other side of the device."""

    def __init__(self):
        self.sock, self.device = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.device.setblocking(False)

    async def send(self, *raw):
        for one in raw:
            self.sock.send(one)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def received(self):
        return packets.parse(self.sock.recv(70000))

    def nothing_came(self):
        with pytest.raises(BlockingIOError):
            self.sock.recv(1)
        return True


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.sock.close()
    kernel.device.close()


@pytest.fixture
def tunnel():
    return FakeTunnel()


@pytest.fixture
async def port(kernel, tunnel):
    async with TunPort(kernel.device.fileno(), tunnel.open) as port:
        yield port


@BOTH
async def test_datagrams_of_one_socket_to_one_address_are_one_flow(port, kernel, tunnel, ends):
    await kernel.send(udp(ends, b"one"), udp(ends, b"two"), udp(ends, b"three", (4712, 53)))
    assert [flow.sent for flow in tunnel.flows] == [[b"one", b"two"], [b"three"]]
    host = "10.96.0.10" if ends is V4 else "[fd00:96::a]"
    assert tunnel.flows[0].target == f"udp:{host}:53"
    assert port.flows == 2


@BOTH
@pytest.mark.usefixtures("port")
async def test_answers_go_back_to_the_program(kernel, tunnel, ends):
    await kernel.send(udp(ends, b"query"))
    tunnel.flows[0].events.datagram_received(b"answer")
    answer = kernel.received()
    assert (answer.destination, answer.source) == ends
    assert packets.udp_payload(answer) == b"answer"


@pytest.mark.usefixtures("port")
async def test_an_answer_that_no_packet_can_carry_is_lost(kernel, tunnel):
    await kernel.send(udp(V4, b"query"))
    tunnel.flows[0].events.datagram_received(bytes(65508))
    assert kernel.nothing_came()


@BOTH
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, packets.PORT_CLOSED),
        (errno.EHOSTUNREACH, packets.NO_ROUTE),
        (errno.EACCES, packets.PROHIBITED),
    ],
)
async def test_a_flow_that_fails_is_refused_with_its_reason(
    port, kernel, tunnel, ends, number, reason
):
    await kernel.send(udp(ends, b"query"))
    tunnel.flows[0].events.flow_closed(number)
    answer = kernel.received()
    assert tuple(answer.payload[:2]) == reason[ends is V6]
    assert port.flows == 0
    await kernel.send(udp(ends, b"again"))
    assert tunnel.flows[1].sent == [b"again"]


async def test_a_flow_that_ends_without_a_reason_ends_in_silence(port, kernel, tunnel):
    await kernel.send(udp(V4, b"query"))
    tunnel.flows[0].events.flow_closed(0)
    assert kernel.nothing_came()
    assert port.flows == 0


async def test_without_a_tunnel_a_program_hears_it_at_once(port, kernel, tunnel):
    tunnel.closed = True
    await kernel.send(udp(V4, b"query"), echo(V4, b"data"))
    assert tuple(kernel.received().payload[:2]) == packets.NO_ROUTE[0]
    assert tuple(kernel.received().payload[:2]) == packets.NO_ROUTE[0]
    assert port.flows == 0


@BOTH
@pytest.mark.usefixtures("port")
async def test_a_ping_is_answered_only_when_its_target_answers(kernel, tunnel, ends):
    await kernel.send(echo(ends, b"data"))
    assert tunnel.flows[0].sent == [b"\0\x07\0\x03data"]
    assert kernel.nothing_came()
    tunnel.flows[0].events.datagram_received(b"\0\x07\0\x03data")
    answer = kernel.received()
    assert (answer.destination, answer.source) == ends
    assert answer.payload[4:] == b"\0\x07\0\x03data"


@pytest.mark.usefixtures("port")
async def test_empty_and_equal_pings_are_told_apart_in_any_order(kernel, tunnel):
    await kernel.send(*(echo(V4, data, number=n) for n, data in enumerate([b"", b"", b"a", b"a"])))
    for message in reversed(tunnel.flows[0].sent):
        tunnel.flows[0].events.datagram_received(message)
    heard = [kernel.received().payload[6:] for _ in range(4)]
    assert heard == [b"\0\3a", b"\0\2a", b"\0\1", b"\0\0"]


@pytest.mark.usefixtures("port")
async def test_what_is_no_echo_is_not_handed_to_the_kernel(kernel, tunnel):
    await kernel.send(echo(V4, b"data"))
    tunnel.flows[0].events.datagram_received(b"\0")
    assert kernel.nothing_came()


async def test_stray_tcp_is_reset_and_unknown_protocols_are_prohibited(port, kernel):
    await kernel.send(tcp(V4, 1, 0, packets.SYN), tcp(V4, 1, 2, packets.RST), ip(V4, 132, b"sctp"))
    assert kernel.received().protocol == packets.TCP
    assert tuple(kernel.received().payload[:2]) == packets.PROHIBITED[0]
    assert kernel.nothing_came()
    assert port.flows == 0


MULTICAST = (V4[0], socket.inet_aton("224.0.0.251"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        udp(MULTICAST, b"who?"),
        udp(V4, b"", ports=(1, 0)),
        ip(V4, packets.UDP, b"short"),
        echo(V4, b"", kind=3),
    ],
)
async def test_what_has_no_answer_gets_none(port, kernel, tunnel, raw):
    await kernel.send(raw)
    assert kernel.nothing_came()
    assert tunnel.flows == []
    assert port.flows == 0


async def test_the_flow_that_was_quiet_for_longest_makes_room(kernel, tunnel):
    async with TunPort(kernel.device.fileno(), tunnel.open, max_flows=2) as port:
        await kernel.send(udp(V4, b"a", (1, 53)), udp(V4, b"b", (2, 53)))
        await kernel.send(udp(V4, b"a", (1, 53)), udp(V4, b"c", (3, 53)))
        assert [flow.is_open for flow in tunnel.flows] == [True, False, True]
        assert port.flows == 2
    assert not any(flow.is_open for flow in tunnel.flows)


async def test_quiet_flows_are_given_up(kernel, tunnel):
    async with TunPort(kernel.device.fileno(), tunnel.open, idle=0.05) as port:
        await kernel.send(udp(V4, b"a"))
        assert port.flows == 1
        async with asyncio.timeout(5):
            await tunnel.flows[0].closed.wait()
        assert port.flows == 0
    assert not tunnel.flows[0].is_open


async def test_a_device_that_is_gone_takes_nothing_and_harms_nobody(port, kernel, tunnel):
    await kernel.send(udp(V4, b"query"))
    kernel.sock.close()
    tunnel.flows[0].events.datagram_received(b"answer")
    assert port.flows == 1


async def test_the_descriptor_stays_its_owners(kernel, tunnel):
    async with TunPort(kernel.device.fileno(), tunnel.open):
        pass
    os.fstat(kernel.device.fileno())
