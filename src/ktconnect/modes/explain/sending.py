"""HTTP over a stream of the tunnel."""

import asyncio
import socket
import ssl
from typing import Protocol

from ktconnect.traffic.asking import Asking
from ktconnect.traffic.exchange import Answer, Request
from ktconnect.wire.target import Target

CHUNK = 64 * 1024


class Joining(Protocol):
    """What is used of `tunnel.Tunnel`."""

    def join(self, sock: socket.socket, target: Target) -> None:
        """See `Tunnel.join`."""


async def ask(
    tunnel: Joining, address: str, request: Request, limit: float, tls: str | None = None
) -> Answer:
    """Send ``request`` to ``address`` (``host:port``) from where the tunnel ends.

    ``tls``: the server's name, for a connection that is encrypted; its certificate is not looked
    at, as nothing secret is sent.

    Raises: BadAnswer, OSError (TimeoutError after ``limit`` seconds).
    """
    asking = Asking(request)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    tunnel.join(theirs, Target.parse(f"tcp:{address}"))
    try:
        async with asyncio.timeout(limit):
            return await _asked(ours, asking, tls)
    except TimeoutError:
        raise TimeoutError(f"no answer within {limit:g} s") from None
    finally:
        ours.close()


async def _asked(sock: socket.socket, asking: Asking, tls: str | None) -> Answer:
    context = None if tls is None else _unchecked()
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=context, server_hostname=None if tls is None else tls
    )
    try:
        writer.write(asking.to_send)
        while True:
            answer = asking.heard(await reader.read(CHUNK))
            if answer is not None:
                return answer
    finally:
        writer.close()


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
