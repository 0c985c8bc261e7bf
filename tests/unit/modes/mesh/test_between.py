import asyncio
import socket

from tests.unit.tunnel.ends import until

from ktconnect.modes.mesh import between as module
from ktconnect.modes.mesh.between import Between
from ktconnect.wire.target import Target

PORT = ("tcp", 8080)


class Answers:
    """Remembers where calls are led."""

    def __init__(self):
        self.led = []

    def lead(self, port, target):
        self.led.append(target)


async def program(reader, writer):
    """Says what it got, once its caller has said all."""
    heard = await reader.read()
    writer.write(b"got " + heard)
    writer.close()


async def between(answers, target):
    found = Between(answers, PORT, target, b"nonce")
    await found.open()
    return found


async def call(target, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_awaited_request_is_answered_here_and_all_else_passed_on(tmp_path):
    answers = Answers()
    path = str(tmp_path / "app.sock")
    tcp = await asyncio.start_server(program, "127.0.0.1", 0)
    unix = await asyncio.start_unix_server(program, path)
    number = tcp.sockets[0].getsockname()[1]
    async with tcp, unix:
        for target in (Target("tcp", "127.0.0.1", number), Target("unix", path)):
            found = await between(answers, target)
            there = answers.led[-1]
            request = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n"
            assert await call(there, request + b"body") == b"got " + request + b"body"
            assert not found.seen.is_set()
            marked = b"GET / HTTP/1.1\r\nx-kt-probe: nonce\r\n\r\n"
            assert (await call(there, marked)).startswith(b"HTTP/1.1 204")
            assert found.seen.is_set()
            found.close()
            assert answers.led[-1] == target
            await found.end()


async def test_who_says_nothing_is_passed_on_after_a_while(monkeypatch):
    monkeypatch.setattr(module, "HEAD_WITHIN", 0.01)
    answers = Answers()

    async def first(reader, writer):
        writer.write(b"welcome")
        writer.close()

    server = await asyncio.start_server(first, "127.0.0.1", 0)
    async with server:
        target = Target("tcp", "127.0.0.1", server.sockets[0].getsockname()[1])
        found = await between(answers, target)
        reader, writer = await asyncio.open_connection("127.0.0.1", answers.led[-1].port)
        assert await reader.read() == b"welcome"
        writer.close()
        await found.end()


async def test_a_program_that_is_not_there_costs_only_the_call():
    answers = Answers()
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    found = await between(answers, Target("tcp", "127.0.0.1", number))
    try:
        assert await call(answers.led[-1], b"GET / HTTP/1.1\r\n\r\n") == b""
    except ConnectionError:
        pass
    await until(lambda: not found._tasks)
    await found.end()


async def test_the_end_cuts_what_is_still_passed_on():
    answers = Answers()

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        target = Target("tcp", "127.0.0.1", server.sockets[0].getsockname()[1])
        found = await between(answers, target)
        reader, writer = await asyncio.open_connection("127.0.0.1", answers.led[-1].port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: found._tasks)
        await asyncio.sleep(0.05)
        await found.end()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
