import asyncio

import pytest
from picows import WSMsgType
from tests.unit.kube.fakeforward import V2, V4, FakeForward, Heard, V2End, opened, send

from ktconnect.kube.channels import Channels
from ktconnect.kube.portforward import HIGH_WATER, PortForward


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
