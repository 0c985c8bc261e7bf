import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from picows import WSMsgType, WSUpgradeResponse
from tests.unit.kube.certificates import self_signed, server_context
from tests.unit.kube.fakeforward import V2, V4, FakeForward, V2End
from tests.unit.kube.fakesocks import socks_to

from ktconnect.errors import KtError, Unreachable
from ktconnect.kube.channels import Channels
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig, Login, Plugin
from ktconnect.kube.credentials import Credentials
from ktconnect.kube.failures import NotFound, Unauthorized
from ktconnect.kube.plugin import Credential
from ktconnect.kube.portforward import HIGH_WATER, PortForward, open_pipe
from ktconnect.tunnel.pipe import HEADROOM


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


def send(pipe: PortForward, payload: bytes) -> bool:
    buffer = bytearray(HEADROOM) + payload
    return pipe.send(buffer, HEADROOM, len(buffer))


async def opened(forward: FakeForward, protocol: str = "", **fields: Any) -> PortForward:
    async with Cluster(forward.config(**fields)) as cluster:
        return await open_pipe(cluster, "demo", "web", 7070, protocol=protocol)


@pytest.mark.parametrize("protocol", ["v2", "v4"])
async def test_bytes_go_both_ways(protocol):
    async with FakeForward(V2, V4).serving() as forward:
        pipe, heard = await opened(forward, protocol), Heard()
        pipe.start(heard)
        assert send(pipe, b"hello ")
        assert send(pipe, b"world")
        await heard.until(lambda: heard.data == b"hello world")
        pipe.close()
    (request,) = forward.requests
    assert request.path == b"/api/v1/namespaces/demo/pods/web/portforward?ports=7070"
    assert request.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("protocol", ["v2", "v4"])
async def test_what_comes_before_the_start_is_kept(protocol):
    async with FakeForward(V2, V4).serving() as forward:
        pipe, heard = await opened(forward, protocol), Heard()
        send(pipe, b"early")
        await asyncio.sleep(0.05)
        pipe.start(heard)
        assert heard.data == b"early"
        pipe.close()


async def test_the_newer_sub_protocol_is_preferred():
    async with FakeForward(V2, V4).serving() as forward:
        (await opened(forward)).close()
    assert [request.headers["Sec-WebSocket-Protocol"] for request in forward.requests] == [V2]


async def test_an_older_server_is_spoken_to_in_the_older_one():
    async with FakeForward(V4).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        pipe.start(heard)
        send(pipe, b"x")
        await heard.until(lambda: heard.data == b"x")
        pipe.close()
    assert [request.headers["Sec-WebSocket-Protocol"] for request in forward.requests] == [V2, V4]


@pytest.mark.parametrize("protocol", ["v2", "v4"])
async def test_what_the_node_says_is_the_reason_of_the_loss(protocol):
    async with FakeForward(V2, V4).serving() as forward:
        pipe, heard = await opened(forward, protocol), Heard()
        pipe.start(heard)
        forward.ends[0].fail("dial tcp4 127.0.0.1:7070: connect: connection refused")
        await heard.until(lambda: heard.lost)
    assert heard.lost == ["nothing listens on port 7070 in Pod demo/web (connection refused)"]


async def test_a_loss_before_the_start_is_told_at_the_start():
    async with FakeForward(V2).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        forward.ends[0].fail("container not running")
        await asyncio.sleep(0.05)
        pipe.start(heard)
        assert heard.lost == ["Pod demo/web is not running any more"]
        assert send(pipe, b"into nowhere")


async def test_nothing_is_delivered_after_a_loss():
    pipe, heard = PortForward(Channels(), "demo/web", 7070), Heard()
    pipe.start(heard)
    told = memoryview(b"\1\x9e\x1bno")
    for message in (told, memoryview(b"\0\x9e\x1blate"), told):
        pipe._receive(None, message, first=True)  # type: ignore[arg-type]
    assert (bytes(heard.data), len(heard.lost)) == (b"", 1)


class Pieces(Heard):
    """Remembers in which pieces the data came."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def data_received(self, data: memoryview) -> None:
        self.sizes.append(len(data))
        super().data_received(data)


def receive(pipe: PortForward, *sizes: int) -> None:
    for size in sizes:
        pipe._receive(None, memoryview(b"\0" + bytes(size)), first=True)  # type: ignore[arg-type]


def started() -> tuple[PortForward, Pieces]:
    pipe, heard = PortForward(Channels(), "demo/web", 7070), Pieces()
    pipe.start(heard)
    receive(pipe, 2)  # the first message of a channel is its port
    return pipe, heard


async def test_the_pieces_of_one_read_are_handed_on_as_one():
    pipe, heard = started()
    receive(pipe, 32_000, 32_000, 1000)
    assert heard.sizes == []
    await heard.until(lambda: heard.sizes)
    assert heard.sizes == [65_000]
    pipe.close()


async def test_a_small_piece_alone_is_handed_on_at_once():
    pipe, heard = started()
    receive(pipe, 100)
    assert heard.sizes == [100]
    pipe.close()


async def test_a_read_longer_than_the_batch_keeps_its_order():
    pipe, heard = started()
    receive(pipe, *[100_000] * 6)
    await heard.until(lambda: len(heard.data) == 600_000)
    assert heard.sizes == [500_000, 100_000]
    pipe.close()


async def test_what_came_before_a_loss_is_handed_on_before_it():
    pipe, heard = started()
    receive(pipe, 32_000)
    pipe._receive(None, memoryview(b"\1\x9e\x1bno"), first=True)  # type: ignore[arg-type]
    assert heard.sizes == [32_000]
    pipe._receive(None, memoryview(b"\1why"), first=True)  # type: ignore[arg-type]
    assert len(heard.lost) == 1


async def test_a_cut_connection_is_a_loss_told_once():
    async with FakeForward(V2).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        pipe.start(heard)
        forward.ends[0].transport.disconnect(graceful=False)
        await heard.until(lambda: heard.lost)
        pipe.close()
    assert heard.lost == ["the connection to the API server was lost"]


async def test_a_close_of_the_server_tells_its_reason():
    async with FakeForward(V2).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        pipe.start(heard)
        forward.ends[0].transport.send_close(close_message=b"shutting down")
        await heard.until(lambda: heard.lost)
    assert heard.lost == ["shutting down"]


async def test_after_close_nothing_is_told():
    async with FakeForward(V2).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        pipe.start(heard)
        pipe.close()
        pipe.close()
        assert send(pipe, b"into nowhere")
        await asyncio.sleep(0.05)
    assert not heard.lost
    assert not heard.data


async def test_a_full_pipe_says_so_and_when_it_takes_bytes_again():
    async with FakeForward(V2).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        pipe.start(heard)
        end = forward.ends[0]
        end.transport.underlying_transport.pause_reading()
        sent = 0
        while send(pipe, bytes(HIGH_WATER)):
            sent += HIGH_WATER
        sent += HIGH_WATER
        end.transport.underlying_transport.resume_reading()
        await heard.until(lambda: heard.resumed and len(heard.data) == sent)
        pipe.close()


async def test_closing_a_full_pipe_does_not_wait():
    async with FakeForward(V2).serving() as forward:
        pipe = await opened(forward)
        forward.ends[0].transport.underlying_transport.pause_reading()
        while send(pipe, bytes(HIGH_WATER)):
            pass
        pipe.close()


async def test_pings_of_the_server_are_answered():
    async with FakeForward(V2).serving() as forward:
        pipe, heard = await opened(forward), Heard()
        pipe.start(heard)
        end: V2End = forward.ends[0]
        end.ping()
        end.transport.send_ping(b"ws")
        send(pipe, b"x")
        await heard.until(lambda: heard.data == b"x")
        assert end.pongs == [b"\0\0\0\2"]
        pipe.close()


async def test_a_message_in_fragments_is_put_together():
    async with FakeForward(V4).serving() as forward:
        pipe, heard = await opened(forward, "v4"), Heard()
        pipe.start(heard)
        transport = forward.ends[0].transport
        transport.send(WSMsgType.BINARY, b"\0ab", fin=False)
        transport.send(WSMsgType.CONTINUATION, b"cd", fin=True)
        await heard.until(lambda: heard.data == b"abcd")
        pipe.close()


def refusal(code: int, message: str, name: str = "") -> WSUpgradeResponse:
    details = {"name": name} if name else {}
    body = json.dumps({"kind": "Status", "message": message, "details": details}).encode()
    answer: WSUpgradeResponse = WSUpgradeResponse.create_error_response(code, body)
    return answer


@pytest.mark.parametrize(
    ("answer", "kind", "told", "tries"),
    [
        (refusal(404, "gone", "web"), NotFound, "pods/web in namespace demo: does not exist", 1),
        (refusal(403, "cannot get resource"), KtError, "no right to get pods/portforward", 1),
        (refusal(400, "bad upgrade"), KtError, "bad upgrade", 2),
        (refusal(500, "unable to upgrade"), KtError, "unable to upgrade", 2),
    ],
)
async def test_a_refused_upgrade_is_told_as_it_is(answer, kind, told, tries):
    forward = FakeForward(V2)
    forward.refusal = answer
    async with forward.serving():
        with pytest.raises(kind, match=told):
            await opened(forward)
    assert len(forward.requests) == tries


async def test_credentials_that_expired_are_renewed_once():
    forward = FakeForward(V2)
    forward.refusal = refusal(401, "Unauthorized")
    handed = iter(["old", "new"])

    async def run(plugin, config):
        return Credential(token=next(handed))

    async with forward.serving():
        config = forward.config(login=Login(plugin=Plugin("helper")))
        async with Cluster(config, credentials=Credentials(config, run=run)) as cluster:
            with pytest.raises(Unauthorized):
                await open_pipe(cluster, "demo", "web", 1)
    found = [request.headers["Authorization"] for request in forward.requests]
    assert found == ["Bearer old", "Bearer new"]


async def test_a_token_that_is_not_accepted_is_told():
    forward = FakeForward(V2)
    forward.refusal = refusal(401, "Unauthorized")
    async with forward.serving():
        with pytest.raises(Unauthorized):
            await opened(forward)


async def test_a_dead_server_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Cluster(KubeConfig(f"http://127.0.0.1:{port}")) as cluster:
        with pytest.raises(Unreachable, match="refuses connections"):
            await open_pipe(cluster, "demo", "web", 1)


async def test_it_works_over_tls_with_another_name(tmp_path):
    pair = self_signed(tmp_path, "DNS:api.test")
    async with FakeForward(V2).serving(ssl=server_context(tmp_path)) as forward:
        trusted = {"server": f"https://127.0.0.1:{forward.port}", "authority": pair.certificate}
        pipe, heard = await opened(forward, tls_server_name="api.test", **trusted), Heard()
        pipe.start(heard)
        send(pipe, b"x" * 300_000)
        await heard.until(lambda: len(heard.data) == 300_000)
        pipe.close()
        with pytest.raises(Unreachable, match="not trusted"):
            await opened(forward, **trusted)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there_is_told(scheme):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = KubeConfig("http://198.51.100.7", proxy_url=f"{scheme}://127.0.0.1:{port}")
    async with Cluster(config) as cluster:
        with pytest.raises(Unreachable):
            await open_pipe(cluster, "demo", "web", 1)


async def test_a_proxy_that_says_no_is_told():
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Who are you\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        config = KubeConfig("http://198.51.100.7", proxy_url=f"http://127.0.0.1:{port}")
        async with Cluster(config) as cluster:
            with pytest.raises(Unreachable, match="407"):
                await open_pipe(cluster, "demo", "web", 1)


async def test_a_socks_proxy_leads_there():
    async with FakeForward(V2).serving() as forward, socks_to(forward.port) as proxy:
        pipe, heard = await opened(forward, server="http://198.51.100.7", proxy_url=proxy), Heard()
        pipe.start(heard)
        send(pipe, b"x")
        await heard.until(lambda: heard.data == b"x")
        pipe.close()
