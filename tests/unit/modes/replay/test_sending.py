import asyncio
import socket

from h2.config import H2Configuration
from h2.connection import H2Connection
from tests.unit.modes.answering import answering, ok, serving

from ktconnect.modes.replay import sending
from ktconnect.modes.replay.sending import send, why
from ktconnect.modes.replay.spec import Place
from ktconnect.traffic.exchange import Body, Request
from ktconnect.traffic.frames import PREFACE
from ktconnect.wire.target import Target

GET = Request("GET", "/a", (("Host", "web"),))


async def test_a_request_is_sent_and_its_answer_read():
    async with answering(lambda head: ok(b"abc")) as (target, heads):
        seen = await send(Place(target), GET, 5)
    assert seen.answer is not None
    assert seen.answer.body.data == b"abc"
    assert seen.request is GET
    assert heads == [b"GET /a HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"]


async def test_an_answer_may_come_in_pieces():
    async def dribble(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for at in ok(b"abc"):
            writer.write(bytes([at]))
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(dribble) as target:
        seen = await send(Place(target), GET, 5)
    assert seen.answer is not None
    assert seen.answer.body.data == b"abc"


async def test_a_unix_socket_is_a_place_as_well(tmp_path):
    async with answering(lambda head: ok(b"abc"), path=tmp_path / "s") as (target, _):
        assert (await send(Place(target), GET, 5)).answer is not None


async def test_who_answers_before_the_end_of_the_request_is_heard():
    async def early(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with serving(early) as target:
        large = Request("POST", "/", (("Host", "web"),), Body.whole(b"x" * 50_000_000))
        seen = await send(Place(target), large, 10)
    assert seen.answer is not None
    assert seen.answer.status == 413


class Eager:
    """The writer to a server that has said something before it was asked, and answers a call."""

    def __init__(self, *more):
        self.answer = [(":status", "200"), *more]
        self.http = H2Connection(H2Configuration(client_side=False))
        self.http.initiate_connection()
        self.reader = asyncio.StreamReader()
        self.reader.feed_data(self.http.data_to_send())
        self.heard = b""
        self.transport = self
        self.abort = self.reader.feed_eof

    def write(self, data):
        self.heard += data

    async def drain(self):
        self.http.receive_data(self.heard)
        self.http.send_headers(1, self.answer, end_stream=True)
        self.reader.feed_data(self.http.data_to_send())

    async def wait_closed(self):
        pass


async def called(monkeypatch, server):
    """What comes of a call of gRPC to that server."""

    async def opened(target, tls):
        return server.reader, server

    monkeypatch.setattr(sending, "_open", opened)
    call = Request("POST", "/a.B/C", (("Host", "web"), ("Content-Type", "application/grpc")))
    return await send(Place(Target("tcp", "web", 80)), call, 5)


async def test_who_speaks_first_is_not_answered_before_the_call_has_begun(monkeypatch):
    server = Eager(("grpc-status", "5"))
    seen = await called(monkeypatch, server)
    assert server.heard.startswith(PREFACE)
    assert seen.answer is not None
    assert seen.answer.status == 200


async def test_a_call_of_grpc_is_answered_by_a_server_of_grpc_alone(monkeypatch):
    seen = await called(monkeypatch, Eager())
    assert seen.answer is None
    assert seen.failure == "no answer of gRPC: 200 without grpc-status"


def test_a_name_of_several_addresses_that_all_refuse_is_said_in_few_words():
    both = OSError("Multiple exceptions: [Errno 111] ('::1', 1), [Errno 111] ('127.0.0.1', 1)")
    assert why(both) == "no connection to any of its addresses"
    assert why(ConnectionRefusedError(111, "told at length")) == "connection refused"
    assert why(socket.gaierror(-2, "Name or service not known")) == "name or service not known"


async def test_why_there_is_no_answer_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        silent = await send(Place(Target("tcp", "127.0.0.1", port)), GET, 0.2)
    assert silent.failure == "no answer within 0.2 s"
    refused = await send(Place(Target("tcp", "127.0.0.1", port)), GET, 5)
    assert refused.failure == "connection refused"
    async with answering(lambda head: None) as (target, _):
        hung = await send(Place(target), GET, 5)
    assert hung.answer is None
    assert "closed" in hung.failure
