"""Asks the servers that answered before ktctl came, by UDP, and by TCP where it must be."""

import asyncio
import secrets
import socket
from collections.abc import Collection, Sequence

from .ask import AskFailed, ask_stream
from .message import (
    NOTIMP,
    REFUSED,
    SERVFAIL,
    is_answer_to,
    is_truncated,
    rcode,
    with_id,
)
from .order import Protocol

SERVER_SECONDS = 2.0
LAST_SECONDS = 8.0  # nobody else could answer sooner, and some names do take their time
RESEND_SECONDS = 1.5
_LARGEST = 65535
_NEXT_SERVER = (SERVFAIL, NOTIMP, REFUSED)  # as the C library does
Endpoint = tuple[str, int]


class UpstreamAsk:
    """Some servers, asked in turn until one answers; each has ``seconds`` to do so, the last one
    ``LAST_SECONDS``.

    Every query leaves from a port of its own under an ID of its own, so that a forged answer must
    guess both (RFC 5452). ``own``: where we listen ourselves; never asked.
    """

    def __init__(
        self,
        servers: Sequence[Endpoint],
        *,
        protocol: Protocol = "udp",
        own: Collection[Endpoint] = (),
        seconds: float = SERVER_SECONDS,
    ) -> None:
        self._servers = [server for server in servers if server not in own]
        self._protocol = protocol
        self._seconds = seconds

    async def __call__(self, query: bytes, *, tcp: bool = False) -> bytes:
        ours = with_id(query, secrets.randbelow(0x10000))
        refusal: bytes | None = None
        reasons = []
        servers = tuple(self._servers)
        for server in servers:
            try:
                async with asyncio.timeout(self._patience(server == servers[-1])):
                    response = await self._ask(server, ours, tcp or self._protocol == "tcp")
            except (OSError, TimeoutError, AskFailed) as error:
                reasons.append(f"{server[0]}: {str(error) or 'no answer'}")
                self._put_last(server)
                continue
            if rcode(response) not in _NEXT_SERVER:
                return query[:2] + response[2:]
            refusal = refusal or query[:2] + response[2:]
        if refusal:
            return refusal
        raise AskFailed("; ".join(reasons) or "no DNS server besides ourselves is known")

    def _put_last(self, server: Endpoint) -> None:
        """So that one dead server slows one query down, not all."""
        self._servers.sort(key=lambda one: one == server)

    def _patience(self, is_last: bool) -> float:
        return LAST_SECONDS if is_last else self._seconds

    async def _ask(self, server: Endpoint, query: bytes, tcp: bool) -> bytes:
        if not tcp:
            response = await _ask_udp(server, query)
            if not is_truncated(response):
                return response
        return await _ask_tcp(server, query)


async def _ask_udp(server: Endpoint, query: bytes) -> bytes:
    with _socket(server, socket.SOCK_DGRAM) as sock:
        sock.connect(server)  # a random source port, and only this server's answers
        while True:  # the caller sets the end
            sock.send(query)
            try:
                async with asyncio.timeout(RESEND_SECONDS):  # a datagram may get lost
                    return await _answer(sock, query)
            except TimeoutError:
                continue


async def _answer(sock: socket.socket, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    while True:
        response = await loop.sock_recv(sock, _LARGEST)
        if is_answer_to(query, response):
            return response


async def _ask_tcp(server: Endpoint, query: bytes) -> bytes:
    with _socket(server, socket.SOCK_STREAM) as sock:
        await asyncio.get_running_loop().sock_connect(sock, server)
        return await ask_stream(sock, query)


def _socket(server: Endpoint, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    sock = socket.socket(family, kind)
    sock.setblocking(False)
    return sock
