"""The DNS server: UDP and TCP on sockets handed in (RFC 1035 §4.2, RFC 7766)."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ktconnect.tunnel.listen import Acceptor, Address

from .ask import Ask, AskFailed, receive_query
from .name import FormatError
from .resolver import Limits, Reply, Resolver
from .statistics import DnsStatistics
from .zone import Zone

_LARGEST = 65535
_PER_WAKE = 64
_DEFAULT = Limits()


class DnsServer:
    """Serves until cancelled. Closes: the sockets handed in, when ``run`` ends.

    udp_sockets, tcp_sockets: non-blocking, bound to single addresses (so that answers come from the
    address asked), the latter listening. asks: who answers, by the names the zone uses.
    """

    def __init__(
        self,
        udp_sockets: Sequence[socket.socket],
        tcp_sockets: Sequence[socket.socket],
        asks: Mapping[str, Ask],
        zone: Zone,
        limits: Limits = _DEFAULT,
    ) -> None:
        self._udp, self._tcp = tuple(udp_sockets), tuple(tcp_sockets)
        self._resolver = Resolver(asks, zone, limits)
        self._limits = limits
        self._connections = 0

    @property
    def zone(self) -> Zone:
        return self._resolver.zone

    @zone.setter
    def zone(self, zone: Zone) -> None:
        self._resolver.zone = zone

    def statistics(self) -> DnsStatistics:
        return self._resolver.statistics()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                for sock in self._udp:
                    loop.add_reader(sock, self._read_datagrams, sock, tasks)
                accepted = partial(self._accepted, tasks)
                acceptors = [Acceptor(sock, accepted) for sock in self._tcp]
                try:
                    await asyncio.Event().wait()
                finally:  # a query that came now would find the group closed
                    for sock in self._udp:
                        loop.remove_reader(sock)
                    for acceptor in acceptors:
                        acceptor.close()
        finally:
            for sock in self._udp:
                sock.close()

    def _read_datagrams(self, sock: socket.socket, tasks: asyncio.TaskGroup) -> None:
        for _ in range(_PER_WAKE):
            try:
                query, peer = sock.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:  # an earlier answer was refused; the socket itself is well
                continue
            self._resolver.submit(query, False, _datagram_reply(sock, peer), tasks)

    def _accepted(self, tasks: asyncio.TaskGroup, sock: socket.socket, _: Address) -> None:
        if self._connections < self._limits.connections:
            self._connections += 1
            tasks.create_task(self._serve(sock, tasks))
        else:
            sock.close()

    async def _serve(self, sock: socket.socket, tasks: asyncio.TaskGroup) -> None:
        try:
            with sock, contextlib.suppress(AskFailed, FormatError, TimeoutError, OSError):
                while True:
                    async with asyncio.timeout(self._limits.idle):
                        await self._serve_one(sock, tasks)
        finally:
            self._connections -= 1

    async def _serve_one(self, sock: socket.socket, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bytes] = loop.create_future()
        query = await receive_query(sock)
        self._resolver.submit(query, True, _stream_reply(answered), tasks)
        response = await answered
        await loop.sock_sendall(sock, len(response).to_bytes(2, "big") + response)


def _datagram_reply(sock: socket.socket, peer: Any) -> Reply:
    def reply(response: bytes) -> None:
        with contextlib.suppress(OSError):  # like a datagram lost: the asker asks again
            sock.sendto(response, peer)

    return reply


def _stream_reply(answered: asyncio.Future[bytes]) -> Reply:
    def reply(response: bytes) -> None:
        if not answered.done():
            answered.set_result(response)

    return reply
