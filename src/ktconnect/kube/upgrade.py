"""A WebSocket to the API server: the upgrade, and our error for whatever came in between."""

import asyncio
import socket
from typing import Any

import picows
from picows import WSHandshakeError, WSListener, WSTransport
from python_socks import ProxyError

from ktconnect.errors import KtError, Refused, TunnelClosed

from .client import Cluster
from .failures import Asked, Unauthorized, failure
from .reach import unreachable
from .rest import Way

OPEN_LIMIT = 10.0  # seconds for TCP, TLS and the upgrade
READ_BUFFER = 256 * 1024
UNSENT = 256 * 1024  # in the kernel: keeps small messages from waiting behind bulk
BEYOND_HELP = {401, 403, 404}  # of an upgrade: another sub-protocol would hear the same


class NotSpoken(TunnelClosed):
    """The server does not know this sub-protocol."""


async def upgraded(
    listener: WSListener, cluster: Cluster, path: str, subprotocol: str, asked: Asked
) -> WSTransport:
    """Connect ``listener`` to ``path``. Closes: nothing, once it has returned.

    Raises: NotSpoken, Unreachable, Unauthorized, Forbidden, NotFound.
    """
    try:
        return await _upgrade(listener, await cluster.way(), path, subprotocol, asked)
    except Unauthorized:
        if not cluster.credentials.forget():
            raise
        return await _upgrade(listener, await cluster.way(), path, subprotocol, asked)


async def _upgrade(
    listener: WSListener, way: Way, path: str, subprotocol: str, asked: Asked
) -> WSTransport:
    try:
        async with asyncio.timeout(OPEN_LIMIT):
            transport, _ = await _connect(listener, way, path, subprotocol)
    except TimeoutError as error:
        raise unreachable(way.config, error, f"did not answer within {OPEN_LIMIT:g} s") from None
    except WSHandshakeError as error:
        raise _refused_upgrade(error, asked) from None
    except (OSError, ProxyError) as error:
        raise unreachable(way.config, error, "can't be reached") from None
    if spoken(transport) != subprotocol:
        transport.disconnect(graceful=False)
        raise NotSpoken(f"the API server does not speak {subprotocol}")
    return transport


async def _connect(
    listener: WSListener, way: Way, path: str, subprotocol: str
) -> tuple[WSTransport, WSListener]:
    config = way.config
    name = config.tls_server_name
    dialled: dict[str, Any] = {"server_hostname": name} if name and way.tls else {}
    return await picows.ws_connect(
        lambda: listener,
        config.server.replace("http", "ws", 1) + path,
        ssl_context=way.tls,
        extra_headers=[*way.headers, ("Sec-WebSocket-Protocol", subprotocol)],
        max_redirects=0,
        websocket_handshake_timeout=None,
        proxy=config.proxy_url or None,
        read_buffer_init_size=READ_BUFFER,
        **dialled,
    )


def _refused_upgrade(error: WSHandshakeError, asked: Asked) -> KtError:
    status = error.response.status.value if error.response else 0
    told = failure(status, error.raw_body or b"", asked) if status >= 400 else None
    if told is not None and (status in BEYOND_HELP):
        return told
    if isinstance(told, Refused) or told is None:
        return NotSpoken(f"the API server refused {asked.resource}: {told or error}")
    return NotSpoken(str(told), hint=told.hint)


def spoken(transport: WSTransport) -> str:
    """The sub-protocol that the server has chosen; "" if none."""
    return transport.response.headers.get("Sec-WebSocket-Protocol", "") or ""


def tune(sock: socket.socket) -> None:
    """For bulk and small messages side by side; what the kernel refuses is done without."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
    except (OSError, AttributeError):
        pass  # not in this kernel, or not allowed to this user: its default does
