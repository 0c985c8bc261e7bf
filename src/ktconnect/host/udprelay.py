"""Datagrams of this machine's programs, carried to one place of the cluster and back."""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from ktconnect.errors import KtError
from ktconnect.tunnel.datagram import DatagramEvents, DatagramFlow
from ktconnect.wire.target import Target

OpenFlow = Callable[[Target, DatagramEvents], DatagramFlow]
Route = Callable[[], Target]

BURST: Final = 32
LONGEST: Final = 65_535
PEERS: Final = 1024
"""Programs that have a flow of their own at the same time; the one silent longest gives way."""

Peer = tuple[Any, ...]


class UdpRelay:
    """Gives every program that sends to a socket a flow of its own, so that answers find back.

    ``route`` says where a datagram goes: when that changes, the program's next one goes there.
    What can't be sent is dropped, as on any line. Closes: the socket and the flows, by ``close``.
    """

    def __init__(self, sock: socket.socket, route: Route, open_flow: OpenFlow) -> None:
        """``sock`` is bound and non-blocking; the running loop is used."""
        self._sock = sock
        self._route = route
        self._open_flow = open_flow
        self._flows: OrderedDict[Peer, _Flow] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)

    def close(self) -> None:
        """Stop. Idempotent."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
        while self._flows:
            self._flows.popitem()[1].close()

    def answer(self, peer: Peer, data: bytes) -> None:
        """A datagram of the cluster, for a program."""
        try:
            self._sock.sendto(data, peer)
        except OSError:
            pass  # it has gone, or doesn't keep up

    def forget(self, peer: Peer, flow: "_Flow") -> None:
        """A flow is over."""
        if self._flows.get(peer) is flow:
            del self._flows[peer]

    def _readable(self) -> None:
        for _ in range(BURST):
            try:
                data, peer = self._sock.recvfrom(LONGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # what an earlier answer met: ICMP "port unreachable" of a program
            self._send(peer, data)

    def _send(self, peer: Peer, data: bytes) -> None:
        try:
            self._flow(peer).send(data)
        except KtError:
            pass  # there is nowhere to send it to for now

    def _flow(self, peer: Peer) -> "_Flow":
        target, flow = self._route(), self._flows.get(peer)
        if flow is not None and flow.target == target:
            self._flows.move_to_end(peer)
            return flow
        if flow is not None:
            flow.close()
        elif len(self._flows) >= PEERS:
            self._flows.popitem(last=False)[1].close()
        flow = self._flows[peer] = _Flow(self, peer, target)
        flow.open(self._open_flow)
        return flow


class _Flow:
    """What goes to and fro for one program. Implements ``DatagramEvents``."""

    def __init__(self, relay: UdpRelay, peer: Peer, target: Target) -> None:
        self._relay = relay
        self._peer = peer
        self._flow: DatagramFlow | None = None
        self.target = target

    def open(self, open_flow: OpenFlow) -> None:
        """Raises: TunnelClosed."""
        try:
            self._flow = open_flow(self.target, self)
        except KtError:
            self._relay.forget(self._peer, self)
            raise

    def send(self, data: bytes) -> None:
        """One datagram, or none if the line is full."""
        if self._flow is not None:
            self._flow.send(data)

    def close(self) -> None:
        """Idempotent."""
        if self._flow is not None:
            self._flow.close()
            self._flow = None

    def datagram_received(self, data: bytes) -> None:
        """See DatagramEvents."""
        self._relay.answer(self._peer, data)

    def flow_closed(self, errno: int) -> None:
        """See DatagramEvents."""
        self._flow = None
        self._relay.forget(self._peer, self)
