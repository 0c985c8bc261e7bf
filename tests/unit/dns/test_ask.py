import asyncio
import socket

import pytest
from tests.unit.dns.messages import query, response

from ktconnect.dns.ask import AskFailed, ask_stream, receive_query
from ktconnect.dns.name import FormatError

ASKED = query("web.shop")


def pair() -> tuple[socket.socket, socket.socket]:
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    return left, right


async def test_a_query_and_its_answer_cross_a_stream_in_any_pieces():
    near, far = pair()
    wire = response(ASKED, *(f"web.shop. 5 IN A 10.0.0.{i}" for i in range(200)))
    framed = len(wire).to_bytes(2, "big") + wire
    with near, far:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask_stream(near, ASKED))
            assert await receive_query(far) == ASKED
            for at in range(0, len(framed), 700):
                far.send(framed[at : at + 700])
                await asyncio.sleep(0)
        assert asking.result() == wire


async def test_a_server_that_hangs_up_or_answers_something_else_has_failed():
    near, far = pair()
    with near, far:
        other = response(query("else"))
        far.send(len(other).to_bytes(2, "big") + other)
        with pytest.raises(AskFailed, match="another question"):
            await ask_stream(near, ASKED)
        far.send(b"\0\x50abc")
        far.shutdown(socket.SHUT_WR)
        with pytest.raises(AskFailed, match="hung up"):
            await ask_stream(near, ASKED)


async def test_an_empty_message_is_no_query():
    near, far = pair()
    with near, far:
        far.send(b"\0\0")
        with pytest.raises(FormatError):
            await receive_query(near)
