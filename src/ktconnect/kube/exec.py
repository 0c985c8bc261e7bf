"""The output of a command in a Pod, by ``pods/exec`` over WebSocket. Nothing is written to it.

Each message starts with a channel byte; the last one says how it ended (Kubernetes KEP-4006,
``remotecommand`` in k8s.io/apimachinery). v5 adds a message that we never send.
"""

import asyncio
import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from ktconnect.errors import Refused, TunnelClosed

from .client import Cluster
from .failures import Asked
from .upgrade import NotSpoken, upgraded

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDOUT, STATUS = 1, 3
LIMIT = 10.0
"""Seconds that a command may take."""
LOST = "the connection was lost"
MOST = 16 * 1024 * 1024
"""Bytes that it may print."""


class Output(WSListener):
    """What a command prints, until it has ended."""

    def __init__(self) -> None:
        self.printed = bytearray()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why it failed; "" if it did not."""
        self._channel = STDOUT
        self._status = b""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
        elif frame.msg_type is WSMsgType.BINARY and payload:
            self._channel = payload[0]
            self._take(payload[1:])
        elif frame.msg_type is WSMsgType.CONTINUATION:
            self._take(payload)
        if len(self.printed) > MOST:
            self._end("it prints without end")
            transport.disconnect(graceful=False)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._end(_failure(self._status))

    def _take(self, payload: bytes) -> None:
        if self._channel == STDOUT:
            self.printed += payload
        elif self._channel == STATUS:
            self._status += payload

    def _end(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)


def _failure(status: bytes) -> str:
    """What the status says; none at all is a connection that broke."""
    if not status:
        return LOST
    try:
        found = json.loads(status)
        return "" if found.get("status") == "Success" else str(found.get("message") or "it failed")
    except (ValueError, AttributeError):
        return status.decode(errors="replace")


async def output(
    cluster: Cluster, namespace: str, pod: str, container: str, command: Sequence[str]
) -> bytes:
    """What ``command`` prints, which may fail in part: what it has printed by then counts.

    Raises: Refused if it prints nothing and fails, as where there is no such program; TunnelClosed
    if it does not end in time, or the connection is lost; Unreachable, Unauthorized,
    Forbidden, NotFound.
    """
    asked = Asked("create", "pods/exec", "", namespace, pod)
    words = [("container", container), ("stdout", "true"), ("stderr", "true")]
    query = urlencode([*words, *(("command", word) for word in command)])
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/exec?{query}"
    heard, transport = await _begun(cluster, path, asked)
    try:
        async with asyncio.timeout(LIMIT):
            why = await heard.ended
    except TimeoutError:
        raise TunnelClosed(f"{command[0]} in Pod {namespace}/{pod} did not end") from None
    finally:
        transport.disconnect(graceful=False)
    if why == LOST:
        raise TunnelClosed(f"{command[0]} in Pod {namespace}/{pod}: {why}")
    if why and not heard.printed:
        raise Refused(f"{command[0]} can't be run in Pod {namespace}/{pod}: {why}")
    return bytes(heard.printed)


async def _begun(cluster: Cluster, path: str, asked: Asked) -> tuple[Output, picows.WSTransport]:
    newest, oldest = PROTOCOLS
    heard = Output()
    try:
        return heard, await upgraded(heard, cluster, path, newest, asked)
    except NotSpoken:
        heard = Output()
        return heard, await upgraded(heard, cluster, path, oldest, asked)
