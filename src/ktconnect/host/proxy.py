"""The way into the cluster without routes: one port that speaks SOCKS5, SOCKS4 and HTTP proxy."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from ktconnect.errors import HostError
from ktconnect.tunnel.listen import Acceptor, Address
from ktconnect.wire.target import Target

from .proxy_dial import abort_on_close, dial, relay
from .proxy_http import read_http
from .proxy_reader import HandshakeError, Reader
from .proxy_request import ProxyRequest
from .proxy_socks import SOCKS4, SOCKS5, read_socks4, read_socks5

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 15.0
Route = Callable[[str, int], Target | None]
Join = Callable[[socket.socket, Target], None]


def listen(address: str = "127.0.0.1", port: int = 2223) -> socket.socket:
    """A non-blocking listener for the proxy. Raises: HostError if the port can't be had."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.create_server((address, port), family=family, backlog=512)
    except OSError as error:
        raise HostError(
            f"the proxy can't listen on {address} port {port}: {error.strerror}",
            hint="choose another one with --proxyPort and --proxyAddr",
        ) from error
    sock.setblocking(False)
    return sock


class Proxy:
    """Serves until cancelled. Closes: the listeners, and every connection it did not hand on.

    route: where in the cluster ``host``:``port`` is, or None if the laptop is to dial it itself.
    join: takes an accepted socket over and joins it to a target (tunnel.Tunnel.join).
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        route: Route,
        join: Join,
        *,
        handshake: float = HANDSHAKE_SECONDS,
    ) -> None:
        self._listeners = tuple(listeners)
        self._route = route
        self._join = join
        self._handshake = handshake

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:

            def accepted(sock: socket.socket, _: Address) -> None:
                tasks.create_task(self._serve(sock))

            acceptors = [Acceptor(listener, accepted) for listener in self._listeners]
            try:
                await asyncio.Event().wait()
            finally:
                for acceptor in acceptors:
                    acceptor.close()

    async def _serve(self, sock: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(sock)
            try:
                async with asyncio.timeout(self._handshake):
                    request = await _read_request(sock)
                target = self._route(request.host, request.port)
                if target is None:
                    await self._direct(sock, request)
                elif request.head:
                    await self._through_pair(sock, request, target)
                else:
                    await _say(sock, request.accepted)
                    stack.pop_all()  # the tunnel owns it now
                    self._join(sock, target)
            except HandshakeError as error:
                await _say_last(sock, error.reply)
            except OSError:  # the client is gone, or too slow
                pass
            except Exception:  # one client's doing must not end the session of them all
                log.exception("a client of the proxy was dropped")

    async def _direct(self, sock: socket.socket, request: ProxyRequest) -> None:
        try:
            remote = await dial(request.host, request.port)
        except OSError as error:
            await _say_last(sock, request.refused(error))
            return
        with remote:
            if is_own(remote) and not is_own(sock):
                await _say_last(sock, request.refused(PermissionError(errno.EACCES, "not yours")))
                return
            await _say(sock, request.accepted)
            await _exchange(sock, remote, request)

    async def _through_pair(
        self, sock: socket.socket, request: ProxyRequest, target: Target
    ) -> None:
        """The request was rewritten, so its head goes ahead of what the client still sends."""
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        with near:
            self._join(far, target)
            await _exchange(sock, near, request)


def is_own(sock: socket.socket) -> bool:
    """Whether the other end is this machine's own loopback: not for clients from elsewhere."""
    return ip_address(str(sock.getpeername()[0]).partition("%")[0]).is_loopback


async def _exchange(sock: socket.socket, remote: socket.socket, request: ProxyRequest) -> None:
    with contextlib.suppress(OSError):  # then nothing comes back either, and the client is told
        await _say(remote, request.head)
    expecting = bool(request.head)
    relayed = await relay(sock, remote, request.body, must_answer=expecting)
    if expecting and not relayed.left:
        await _say_last(sock, request.refused(None))
    elif relayed.reset:
        abort_on_close(sock)
        abort_on_close(remote)


async def _read_request(sock: socket.socket) -> ProxyRequest:
    async def say(data: bytes) -> None:
        await _say(sock, data)

    reader = Reader(sock)
    match await reader.first_byte():
        case version if version == SOCKS5:
            return await read_socks5(reader, say)
        case version if version == SOCKS4:
            return await read_socks4(reader)
        case _:
            return await read_http(reader)


async def _say(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def _say_last(sock: socket.socket, data: bytes) -> None:
    """Tell the client why it is turned away; it may be gone, and may have more to say."""
    with contextlib.suppress(OSError, TimeoutError):
        await _say(sock, data)
        sock.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(1):  # unread bytes would turn our close into a reset
            while await asyncio.get_running_loop().sock_recv(sock, 65536):
                pass
