"""The API server's end of pods/exec, on a real socket: says what it was told to, and ends."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import picows
from picows import WSListener, WSMsgType, WSTransport, WSUpgradeResponse

from ktconnect.kube.config import KubeConfig, Login

SUCCESS = json.dumps({"status": "Success"}).encode()
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"

Said = tuple[bytes, bytes]
"""What a command prints, and the status at its end; no status: the connection breaks."""


def failed(message: str) -> bytes:
    return json.dumps({"status": "Failure", "message": message}).encode()


class FakeExec:
    """Answers by the Pod's name; one that is not known never ends."""

    def __init__(self, said: Mapping[str, Said], *spoken: str) -> None:
        self.said = dict(said)
        self.spoken = spoken or (V5, V4)
        self.commands: list[tuple[str, list[str]]] = []
        self._ends: list[Speaking] = []
        self._port = 0

    def config(self) -> KubeConfig:
        return KubeConfig(f"http://127.0.0.1:{self._port}", login=Login(token="secret"))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FakeExec"]:
        server = await picows.ws_create_server(self._accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for end in self._ends:
                end.transport.disconnect(graceful=False)
            await server.wait_closed()

    def _accept(self, request: picows.WSUpgradeRequest) -> Any:
        url = urlsplit(request.path.decode())
        pod = url.path.split("/")[-2]
        self.commands.append((pod, parse_qs(url.query)["command"]))
        wanted = request.headers["Sec-WebSocket-Protocol"]
        headers = {"Sec-WebSocket-Protocol": wanted} if wanted in self.spoken else {}
        end = Speaking(self.said.get(pod))
        self._ends.append(end)
        answer = WSUpgradeResponse.create_101_response(extra_headers=headers)
        return picows.WSUpgradeResponseWithListener(answer, end)


class Speaking(WSListener):
    transport: WSTransport

    def __init__(self, said: Said | None) -> None:
        self._said = said

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self._said is None:
            return
        printed, status = self._said
        half = len(printed) // 2
        transport.send(WSMsgType.BINARY, b"\1")
        transport.send(WSMsgType.BINARY, b"\2a word of complaint")
        transport.send(WSMsgType.BINARY, b"\1" + printed[:half], fin=False)
        transport.send(WSMsgType.CONTINUATION, printed[half:])
        if status:
            transport.send(WSMsgType.BINARY, b"\3" + status)
            transport.send_close()
        transport.disconnect()
