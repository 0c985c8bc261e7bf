import asyncio

import pytest

from ktconnect.errors import Refused, TunnelClosed
from ktconnect.kube import podhttp
from ktconnect.kube.podhttp import PodHttp
from ktconnect.tunnel.pipe import HEADROOM


class Paper:
    """A pipe whose other end answers each request with what comes next."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = b""
        self.closed = False

    def start(self, events):
        self.events = events

    def send(self, buffer, start, end):
        assert start >= HEADROOM
        self.sent += bytes(buffer[start:end])
        if self.sent.endswith((b"\r\n\r\n", b"body")) and self.answers:
            self.say(self.answers.pop(0))
        return True

    def say(self, answer):
        loop = asyncio.get_running_loop()
        for byte in (answer[:9], answer[9:]):
            loop.call_soon(self.events.data_received, memoryview(byte))

    def close(self):
        self.closed = True


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def http(*answers):
    pipe = Paper(*answers)
    return pipe, PodHttp(pipe, "localhost:19900")


async def test_one_connection_serves_several_requests():
    pipe, found = http(OK, OK)
    assert await found.ask("GET", "/stats") == b"hi"
    assert await found.ask("POST", "/drain", b"body") == b"hi"
    assert pipe.sent.count(b"Host: localhost:19900") == 2
    assert b"POST /drain HTTP/1.1" in pipe.sent
    found.resume_writing()
    found.close()
    assert pipe.closed


async def test_a_word_in_between_is_no_answer():
    _, found = http(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    assert await found.ask("GET", "/") == b"hi"


async def test_a_refusal_is_one():
    _, found = http(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx", OK)
    with pytest.raises(Refused, match="status 404"):
        await found.ask("GET", "/nothing")
    assert await found.ask("GET", "/") == b"hi"


async def test_a_lost_connection_is_told_with_its_reason():
    pipe, found = http()
    asking = asyncio.get_running_loop().create_task(found.ask("GET", "/"))
    await asyncio.sleep(0)
    pipe.events.pipe_lost("the Pod is gone")
    with pytest.raises(TunnelClosed, match="the Pod is gone"):
        await asking


async def test_what_is_no_http_is_told():
    _, found = http(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    with pytest.raises(TunnelClosed, match="localhost:19900/"):
        await found.ask("GET", "/")


async def test_who_does_not_answer_in_time_is_given_up(monkeypatch):
    monkeypatch.setattr(podhttp, "LIMIT", 0.01)
    _, found = http()
    with pytest.raises(TunnelClosed, match="did not answer in"):
        await found.ask("GET", "/")


async def test_an_answer_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(podhttp, "MOST", 1)
    _, found = http(OK)
    with pytest.raises(TunnelClosed, match="without end"):
        await found.ask("GET", "/")


async def test_an_answer_can_be_read_as_it_comes():
    chunks = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n"
    )
    _, found = http(chunks)
    assert b"".join([part async for part in found.stream("GET", "/tap")]) == b"hiyou"
