"""The API server's end of a port-forward, on a real socket, with an echo in the Pod's place."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeResponse

from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig, Login
from ktconnect.kube.portforward import PortForward, open_pipe
from ktconnect.tunnel.pipe import HEADROOM

V2, V4 = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"


class FakeForward:
    """Echoes data in the sub-protocols that it was told to speak."""

    def __init__(self, *spoken: str) -> None:
        self.spoken = spoken
        self.refusal: WSUpgradeResponse | None = None
        self.requests: list[picows.WSUpgradeRequest] = []
        self.ends: list[Any] = []
        self.port = 0

    def config(self, **fields: Any) -> KubeConfig:
        server = f"http://127.0.0.1:{self.port}"
        return KubeConfig(**{"server": server, "login": Login(token="secret"), **fields})

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator["FakeForward"]:
        server = await picows.ws_create_server(self._accept, "127.0.0.1", 0, **options)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for end in self.ends:
                end.transport.disconnect(graceful=False)
            await server.wait_closed()

    def _accept(self, request: picows.WSUpgradeRequest) -> Any:
        self.requests.append(request)
        if self.refusal is not None:
            return picows.WSUpgradeResponseWithListener(self.refusal, None)
        wanted = request.headers["Sec-WebSocket-Protocol"]
        headers = {"Sec-WebSocket-Protocol": wanted} if wanted in self.spoken else {}
        end = (V2End if wanted == V2 else V4End)()
        self.ends.append(end)
        answer = WSUpgradeResponse.create_101_response(extra_headers=headers)
        return picows.WSUpgradeResponseWithListener(answer, end)


class End(WSListener):
    """One connection; echoes what comes as data."""

    transport: WSTransport

    def __init__(self) -> None:
        self.received = bytearray()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass

    def message(self, data: bytes) -> None:
        self.transport.send(WSMsgType.BINARY, data)

    def fail(self, text: str) -> None:
        """What the node says when the Pod can't be joined."""


class V4End(End):
    def on_ws_connected(self, transport: WSTransport) -> None:
        super().on_ws_connected(transport)
        self.message(b"\0\x01\x00")
        self.message(b"\1\x01\x00")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.BINARY:
            payload = frame.get_payload_as_bytes()
            self.received += payload[1:]
            self.message(payload)

    def fail(self, text: str) -> None:
        self.message(b"\1" + text.encode())


class V2End(End):
    def __init__(self) -> None:
        super().__init__()
        self.buffer = bytearray()
        self.pongs: list[bytes] = []

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.BINARY:
            return
        self.buffer += frame.get_payload_as_bytes()
        while len(self.buffer) >= 8:
            word, size = struct.unpack_from(">II", self.buffer)
            size &= 0xFFFFFF
            if len(self.buffer) < 8 + size:
                return
            body = bytes(self.buffer[8 : 8 + size])
            del self.buffer[: 8 + size]
            if word == 3:
                self.received += body
                self.message(struct.pack(">II", 3, len(body)) + body)
            elif word == 0x80030006:
                self.pongs.append(body)

    def ping(self) -> None:
        self.message(struct.pack(">III", 0x80030006, 4, 2))

    def fail(self, text: str) -> None:
        self.message(struct.pack(">II", 1, len(text)) + text.encode())
        self.message(struct.pack(">II", 1, 1 << 24))


class Heard:
    """Hears of a pipe, and lets a test wait for it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.lost: list[str] = []
        self.resumed = 0
        self._changed = asyncio.Event()

    def data_received(self, data: memoryview) -> None:
        self.data += data
        self._changed.set()

    def resume_writing(self) -> None:
        self.resumed += 1
        self._changed.set()

    def pipe_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


async def opened(forward: FakeForward, protocol: str = "", **fields: Any) -> PortForward:
    async with Cluster(forward.config(**fields)) as cluster:
        return await open_pipe(cluster, "demo", "web", 7070, protocol=protocol)


def send(pipe: PortForward, payload: bytes) -> bool:
    buffer = bytearray(HEADROOM) + payload
    return pipe.send(buffer, HEADROOM, len(buffer))
