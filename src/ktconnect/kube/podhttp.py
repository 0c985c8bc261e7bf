"""HTTP/1.1 to a port of a Pod's loopback, through a port-forward: to a proxy's admin.

One connection for several requests, one after the other (RFC 9112, "Persistence").
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import h11

from ktconnect.errors import Refused, TunnelClosed
from ktconnect.tunnel.pipe import HEADROOM, Pipe

from .client import Cluster
from .portforward import open_pipe

LIMIT = 5.0
"""Seconds for an answer that is taken whole."""

MOST = 64 * 1024 * 1024
"""Bytes that such an answer may have."""


class PodHttp:
    """One connection. Implements ``pipe.PipeEvents``. Closes: the pipe, on ``close``."""

    def __init__(self, pipe: Pipe, host: str) -> None:
        """``host``: what the requests' Host header says."""
        self._pipe = pipe
        self._host = host
        self._http = h11.Connection(h11.CLIENT)
        self._came = asyncio.Event()
        self._lost = ""
        pipe.start(self)

    def data_received(self, data: memoryview) -> None:
        """See ``pipe.PipeEvents``."""
        self._http.receive_data(bytes(data))
        self._came.set()

    def resume_writing(self) -> None:
        """See ``pipe.PipeEvents``. A request is too small to wait."""

    def pipe_lost(self, reason: str) -> None:
        """See ``pipe.PipeEvents``."""
        self._lost = reason
        self._came.set()

    def close(self) -> None:
        """End the connection. Idempotent."""
        self._pipe.close()

    async def ask(self, method: str, target: str, body: bytes = b"") -> bytes:
        """The whole body of a successful answer, within ``LIMIT`` seconds.

        Raises: Refused for a status of 400 and more; TunnelClosed if the connection is lost, or
        the answer does not come in time: it can't be used again then.
        """
        found = bytearray()
        try:
            async with asyncio.timeout(LIMIT), aclosing(self.stream(method, target, body)) as parts:
                async for part in parts:
                    found += part
                    if len(found) > MOST:
                        raise TunnelClosed(f"{self._host}{target} answers without end")
        except TimeoutError:
            raise TunnelClosed(f"{self._host}{target} did not answer in {LIMIT:g} s") from None
        return bytes(found)

    async def stream(
        self, method: str, target: str, body: bytes = b""
    ) -> AsyncGenerator[bytes, None]:
        """The body of a successful answer as it comes, after an empty part as soon as it has begun.

        Raises: as ``ask``, but waits for ever.
        """
        headers = [("Host", self._host), ("Content-Length", str(len(body)))]
        try:
            self._send(h11.Request(method=method, target=target, headers=headers))
            if body:
                self._send(h11.Data(data=body))
            self._send(h11.EndOfMessage())
            status = (await self._response()).status_code
            if status < 400:
                yield b""
            while isinstance(event := await self._next(), h11.Data):
                if status < 400:
                    yield bytes(event.data)
            if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                self._http.start_next_cycle()
        except h11.ProtocolError as error:
            raise TunnelClosed(f"{self._host}{target}: {error}") from None
        if status >= 400:
            raise Refused(f"{self._host}{target} answered with status {status}")

    async def _response(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise TunnelClosed(f"{self._host}: {self._lost or 'no answer'}")

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._lost:
                raise TunnelClosed(f"{self._host}: {self._lost}")
            self._came.clear()
            await self._came.wait()
        return event

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._pipe.send(bytearray(HEADROOM) + data, HEADROOM, HEADROOM + len(data))


@asynccontextmanager
async def pod_http(cluster: Cluster, namespace: str, pod: str, port: int) -> AsyncIterator[PodHttp]:
    """A connection to ``port`` of the Pod's loopback. Raises: as `portforward.open_pipe`."""
    http = PodHttp(await open_pipe(cluster, namespace, pod, port), f"localhost:{port}")
    try:
        yield http
    finally:
        http.close()
