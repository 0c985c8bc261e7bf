"""Asks the cluster's DNS server through the tunnel."""

import asyncio
import secrets
import socket
from dataclasses import dataclass, field
from typing import Protocol

from ktconnect.errors import TunnelClosed
from ktconnect.wire.target import Target

from .ask import AskFailed, ask_stream
from .message import is_answer_to, with_id
from .order import DNS_PORT

_IDS = 0x10000


class Flow(Protocol):
    """Datagrams to one target (tunnel.DatagramFlow)."""

    def send(self, data: bytes, /) -> object: ...

    def close(self) -> None: ...


class Tunnel(Protocol):
    """What is used of tunnel.Tunnel."""

    def open_datagrams(self, target: Target, events: "ClusterAsk") -> Flow: ...

    def join(self, sock: socket.socket, target: Target) -> None: ...


@dataclass(slots=True)
class _Waiting:
    query: bytes
    answered: asyncio.Future[bytes] = field(default_factory=asyncio.Future)


class ClusterAsk:
    """One UDP flow to the cluster's DNS server for all queries; a stream for each TCP query.

    Set ``available`` to False when the tunnel is gone: whoever waits or asks then gets AskFailed at
    once, so that the laptop's resolver can go on to its next server.
    retry, limit: seconds until a query is sent once more, and until it has failed.
    """

    def __init__(
        self,
        tunnel: Tunnel,
        host: str,
        port: int = DNS_PORT,
        *,
        retry: float = 1.0,
        limit: float = 5.0,
    ) -> None:
        self._tunnel = tunnel
        self._host, self._port = host, port
        self._retry, self._limit = retry, limit
        self._flow: Flow | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._received = 0
        self._available = True

    async def __call__(self, query: bytes, *, tcp: bool = False) -> bytes:
        if not self._available:
            raise AskFailed("no way to the cluster at the moment")
        try:
            async with asyncio.timeout(self._limit):
                response = await (self._ask_stream(query) if tcp else self._ask_datagram(query))
        except (OSError, TimeoutError, TunnelClosed) as error:
            raise AskFailed(f"the cluster's DNS server: {str(error) or 'no answer'}") from error
        return query[:2] + response[2:]

    @property
    def available(self) -> bool:
        return self._available

    @available.setter
    def available(self, available: bool) -> None:
        self._available = available
        if not available:
            self.close()

    def close(self) -> None:
        """Drop the flow, and fail whoever still waits. The next query opens a new one."""
        self._drop_flow()
        for waiting in self._waiting.values():
            if not waiting.answered.done():
                waiting.answered.set_exception(AskFailed("the way to the cluster is gone"))

    def datagram_received(self, data: bytes) -> None:
        """Called by the flow."""
        self._received += 1
        waiting = self._waiting.get(int.from_bytes(data[:2], "big"))
        if waiting and not waiting.answered.done() and is_answer_to(waiting.query, data):
            waiting.answered.set_result(bytes(data))

    def flow_closed(self, errno: int) -> None:
        """Called by the flow: idle for long, or refused. Who waits asks again on a new one."""
        self._flow = None

    async def _ask_datagram(self, query: bytes) -> bytes:
        number = self._free_id()
        waiting = self._waiting[number] = _Waiting(with_id(query, number))
        try:
            received = self._received
            self._send(waiting.query)
            done, _ = await asyncio.wait([waiting.answered], timeout=self._retry)
            if not done:
                if received == self._received:  # nothing came at all: the flow may be dead
                    self._drop_flow()
                self._send(waiting.query)
            return await waiting.answered
        finally:
            del self._waiting[number]

    def _free_id(self) -> int:
        """A random one that nobody waits under (the server's bound on queries leaves many)."""
        while (number := secrets.randbelow(_IDS)) in self._waiting:
            pass
        return number

    def _send(self, query: bytes) -> None:
        if self._flow is None:
            target = Target("udp", self._host, self._port)
            self._flow = self._tunnel.open_datagrams(target, self)
        self._flow.send(query)

    def _drop_flow(self) -> None:
        if self._flow is not None:
            self._flow.close()
            self._flow = None

    async def _ask_stream(self, query: bytes) -> bytes:
        ours, theirs = socket.socketpair()
        with ours:
            for sock in (ours, theirs):
                sock.setblocking(False)
            self._tunnel.join(theirs, Target("tcp", self._host, self._port))
            return await ask_stream(ours, query)
