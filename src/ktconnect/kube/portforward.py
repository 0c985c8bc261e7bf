"""A byte pipe to a port of a Pod, through the API server's port-forward over WebSocket."""

import asyncio
from urllib.parse import quote

import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from ktconnect.tunnel.pipe import PipeEvents

from .channels import Channels
from .client import Cluster
from .failures import Asked
from .frames import Failed, Framing, Reply, plain_reason
from .spdy import Spdy
from .upgrade import NotSpoken, spoken, tune, upgraded

HIGH_WATER, LOW_WATER = 256 * 1024, 64 * 1024  # of what the kernel has not taken yet
BATCH = 512 * 1024  # of what one read brought
SMALL = 8 * 1024  # goes through at once
BINARY, CONTINUATION = WSMsgType.BINARY, WSMsgType.CONTINUATION


class PortForward(WSListener):
    """A pipe (`ktconnect.tunnel.pipe.Pipe`) to one port of one Pod.

    Closes: its connection, on ``close()`` or when the server ends it.
    """

    def __init__(self, framing: Framing, pod: str, port: int) -> None:
        self._framing = framing
        self._pod = pod
        self._port = port
        self._transport: WSTransport | None = None
        self._events: PipeEvents | None = None
        self._early: list[bytes] = []
        self._full = False
        self._lost: str | None = None
        self._batch = memoryview(bytearray(BATCH))
        self._filled = 0

    def start(self, events: PipeEvents) -> None:
        """Deliver to ``events`` from now on, first what has come already."""
        self._events = events
        early, self._early = self._early, []
        for data in early:
            events.data_received(memoryview(data))
        if self._lost is not None:
            events.pipe_lost(self._lost)

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        """Take ``buffer[start:end]`` whole; False: full, send no more before resume_writing()."""
        if self._transport is not None and self._lost is None:
            first = self._framing.put_header(buffer, start, end)
            self._transport.send(BINARY, memoryview(buffer)[first:end])
        return not self._full

    def close(self) -> None:
        """End the connection; nothing is delivered after it."""
        self._lost = self._lost or "closed"
        self._events = None
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if self._full:
            transport.disconnect(graceful=False)
        else:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        tune(transport.underlying_transport.get_extra_info("socket"))
        opening = self._framing.opening()
        if opening and spoken(transport) == self._framing.subprotocol:
            transport.send(BINARY, opening)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is BINARY or kind is CONTINUATION:
            if frame.payload_size:
                payload = frame.get_payload_as_memoryview()
                self._receive(transport, payload, first=kind is BINARY)
        elif kind is WSMsgType.CLOSE:
            reason = frame.get_close_message() or b""
            self._end(reason.decode(errors="replace") or "the API server closed it")
            transport.disconnect()

    def _receive(self, transport: WSTransport, payload: memoryview, *, first: bool) -> None:
        for event in self._framing.receive(payload, first=first):
            if type(event) is memoryview:
                self._deliver(event)
            elif isinstance(event, Reply):
                transport.send(BINARY, event.data)
            elif isinstance(event, Failed):
                self._fail(event)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        self._end("the connection to the API server was lost")

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._events is not None:
            self._events.resume_writing()

    def _deliver(self, data: memoryview) -> None:
        if self._events is not None:
            self._gather(self._events, data)
        elif self._lost is None:
            self._early.append(bytes(data))

    def _gather(self, events: PipeEvents, data: memoryview) -> None:
        """Hand pieces of 32 KB that came in one read on as one: fewer sends, no slivers."""
        size = len(data)
        if self._filled + size > BATCH or (size < SMALL and not self._filled):
            self._flush()
            events.data_received(data)
            return
        if not self._filled:
            asyncio.get_running_loop().call_soon(self._flush)
        self._batch[self._filled : self._filled + size] = data
        self._filled += size

    def _flush(self) -> None:
        size, self._filled = self._filled, 0
        if size and self._events is not None:
            self._events.data_received(self._batch[:size])

    def _fail(self, failed: Failed) -> None:
        self._end(plain_reason(failed.reason, self._pod, self._port))
        if self._transport is not None:
            self._transport.disconnect()

    def _end(self, reason: str) -> None:
        """Tell the loss, once, after what came before it; nothing is delivered any more."""
        if self._lost is None:
            self._flush()
        if self._lost is None:  # who got that may have closed
            self._lost = reason
            events, self._events = self._events, None
            if events is not None:
                events.pipe_lost(reason)


async def open_pipe(
    cluster: Cluster, namespace: str, pod: str, port: int, *, protocol: str = ""
) -> PortForward:
    """A pipe to ``port`` of the Pod's loopback, by the faster sub-protocol that the server speaks.

    ``protocol``: ``v2`` (SPDY in WebSocket) or ``v4`` (channels); "" tries them in this order.

    Raises: Unreachable, Unauthorized, Forbidden, NotFound, TunnelClosed. That nothing listens on
    the port comes later, as ``pipe_lost``.
    """
    framings: dict[str, Framing] = {"v2": Spdy(port), "v4": Channels()}
    order = [framings[protocol]] if protocol else list(framings.values())
    for framing in order[:-1]:
        try:
            return await _open(cluster, framing, namespace, pod, port)
        except NotSpoken:
            continue
    return await _open(cluster, order[-1], namespace, pod, port)


async def _open(
    cluster: Cluster, framing: Framing, namespace: str, pod: str, port: int
) -> PortForward:
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/portforward?ports={port}"
    pipe = PortForward(framing, f"{namespace}/{pod}", port)
    asked = Asked("get", "pods/portforward", "", namespace, pod)
    await upgraded(pipe, cluster, path, framing.subprotocol, asked)
    return pipe
