"""UDP and ICMP echo between the TUN device and the tunnel, without a thought about routes.

Every packet that the kernel routes to the device comes here. A UDP socket of a program, talking
to one address, is one flow of the tunnel; so is one ping. TCP doesn't come here (the kernel
redirects it to our listener), and what does all the same is refused, so that nothing waits.
"""

import asyncio
import errno
import os
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol, Self

from ktconnect.errors import KtError
from ktconnect.tunnel.datagram import ECHO
from ktconnect.wire.target import Target

from . import packets
from .packets import Packet

MAX_FLOWS = 4096
IDLE = 120.0
BURST = 64  # packets read before others get their turn
MAX_PACKET = 65535

REASONS = {
    errno.ECONNREFUSED: packets.PORT_CLOSED,
    errno.EHOSTUNREACH: packets.NO_ROUTE,
    errno.ENETUNREACH: packets.NO_ROUTE,
    errno.EACCES: packets.PROHIBITED,
    errno.EPERM: packets.PROHIBITED,
}


class DatagramEvents(Protocol):
    """What a flow of the tunnel tells us."""

    def datagram_received(self, data: bytes) -> None: ...

    def flow_closed(self, errno: int) -> None: ...


class DatagramFlow(Protocol):
    """A flow of the tunnel: datagrams to one target and back."""

    def send(self, data: bytes) -> object: ...

    def close(self) -> None: ...


OpenDatagrams = Callable[[Target, DatagramEvents], DatagramFlow]
Key = tuple[bytes, bytes, int, int]  # source, destination, and ports, or identifier and -1


class TunPort:
    """Moves packets between a TUN and the tunnel. Closes: not the descriptor."""

    def __init__(
        self,
        descriptor: int,
        open_datagrams: OpenDatagrams,
        *,
        max_flows: int = MAX_FLOWS,
        idle: float = IDLE,
    ) -> None:
        """``idle``: seconds without a datagram after which a flow is given up."""
        self._descriptor = descriptor
        self._open = open_datagrams
        self._max_flows = max_flows
        self._idle = idle
        self._flows: OrderedDict[Key, UdpFlow | EchoFlow] = OrderedDict()
        self._sweeping: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        self._loop.add_reader(self._descriptor, self._read)
        self._sweep()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.remove_reader(self._descriptor)
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._flows:
            self._flows.popitem()[1].close()

    @property
    def flows(self) -> int:
        """How many flows are open."""
        return len(self._flows)

    def write(self, packet: bytes | None) -> None:
        """Hand a packet to the kernel, which may have no use for it any more."""
        if packet is None:
            return
        try:
            os.write(self._descriptor, packet)
        except OSError:
            pass  # the device is down or full: a packet may be lost, that's what they are

    def forget(self, key: Key) -> None:
        """Drop a flow that the tunnel has closed."""
        self._flows.pop(key, None)

    def _read(self) -> None:
        for _ in range(BURST):
            try:
                raw = os.read(self._descriptor, MAX_PACKET)
            except OSError:  # EAGAIN, or the device is going
                return
            packet = packets.parse(raw)
            if packet is not None and not packet.is_to_many:
                self._take(packet)

    def _take(self, packet: Packet) -> None:
        if packet.protocol == packets.UDP:
            self._take_udp(packet)
        elif packet.protocol == packets.TCP:
            self.write(packets.reset(packet))
        elif packet.protocol in packets.ECHO_REQUEST:
            self._take_icmp(packet)
        else:
            self.write(packets.refusal(packet, packets.PROHIBITED))

    def _take_udp(self, packet: Packet) -> None:
        found = packets.ports(packet)
        if found is None or found[1] == 0:
            return
        key = (packet.source, packet.destination, *found)
        flow = self._flows.get(key)
        if flow is None:
            target = Target("udp", str(ip_address(packet.destination)), found[1])
            flow = self._begin(key, target, UdpFlow(self, key, packet))
        if flow is not None:
            flow.take(packet, self._loop.time())

    def _take_icmp(self, packet: Packet) -> None:
        found = packets.echo(packet)
        if found is None:
            return
        key = (packet.source, packet.destination, found[0], -1)
        flow = self._flows.get(key)
        if flow is None:
            target = Target("icmp", str(ip_address(packet.destination)))
            flow = self._begin(key, target, EchoFlow(self, key, packet))
        if flow is not None:
            flow.take(packet, self._loop.time())

    def _begin(
        self, key: Key, target: Target, flow: "UdpFlow | EchoFlow"
    ) -> "UdpFlow | EchoFlow | None":
        """Open a flow; the one that was quiet for longest makes room."""
        if len(self._flows) >= self._max_flows:
            self._flows.popitem(last=False)[1].close()
        try:
            flow.tunnel = self._open(target, flow)
        except KtError:
            self.write(packets.refusal(flow.packet, packets.NO_ROUTE))
            return None
        self._flows[key] = flow
        return flow

    def touch(self, key: Key) -> None:
        """Keep the flows in the order in which they were last used."""
        if key in self._flows:
            self._flows.move_to_end(key)

    def _sweep(self) -> None:
        """Give up the flows that have been quiet for long."""
        while self._flows:
            oldest = next(iter(self._flows.values()))
            if self._loop.time() - oldest.used < self._idle:
                break
            self._flows.popitem(last=False)[1].close()
        self._sweeping = self._loop.call_later(self._idle / 4, self._sweep)


class _Flow:
    """What both kinds share: the tunnel's flow, and the packet that an error would quote."""

    def __init__(self, port: TunPort, key: Key, packet: Packet) -> None:
        self._port = port
        self._key = key
        self.packet = packet
        self.used = 0.0
        self.tunnel: DatagramFlow | None = None

    def flow_closed(self, errno: int) -> None:
        """The tunnel's end of it is closed: tell the program, if the reason is one."""
        self._port.forget(self._key)
        self.tunnel = None
        if errno in REASONS:
            self._port.write(packets.refusal(self.packet, REASONS[errno]))

    def close(self) -> None:
        if self.tunnel is not None:
            self.tunnel.close()

    def _send(self, packet: Packet, data: bytes, now: float) -> None:
        self.packet, self.used = packet, now
        self._port.touch(self._key)
        if self.tunnel is not None:
            self.tunnel.send(data)


class UdpFlow(_Flow):
    """Datagrams between one socket of a program and one address of the cluster."""

    def take(self, packet: Packet, now: float) -> None:
        self._send(packet, packets.udp_payload(packet), now)

    def datagram_received(self, data: bytes) -> None:
        try:
            self._port.write(packets.udp_reply(self.packet, data))
        except ValueError:
            pass  # longer than IPv4 can carry: lost, as it would be on the way


class EchoFlow(_Flow):
    """One ping. Requests and replies travel with their identifier and sequence number."""

    def take(self, packet: Packet, now: float) -> None:
        found = packets.echo(packet)
        if found is not None:
            identifier, sequence, data = found
            self._send(packet, ECHO.pack(identifier, sequence) + data, now)

    def datagram_received(self, data: bytes) -> None:
        if len(data) < ECHO.size:
            return
        identifier, sequence = ECHO.unpack_from(data)
        reply = packets.echo_reply(self.packet, identifier, sequence, data[ECHO.size :])
        self._port.write(reply)
