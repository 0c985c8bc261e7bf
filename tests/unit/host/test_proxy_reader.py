import asyncio

import pytest
from tests.unit.host.proxied import pair

from ktconnect.host.proxy_reader import HandshakeError, Reader


async def test_nothing_is_read_beyond_what_was_asked_for():
    near, far = pair()
    with near, far:
        far.send(b"abcdef\r\n\r\nrest")
        reader = Reader(near)
        assert await reader.first_byte() == ord("a")
        assert await reader.exactly(3) == b"abc"
        assert await reader.until(b"\r\n\r\n") == b"def\r\n\r\n"
        assert near.recv(99) == b"rest"


async def test_an_end_in_pieces_is_found():
    near, far = pair()
    with near, far:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(Reader(near).until(b"\r\n\r\n"))
            for byte in b"a\r\nb\r\n\r\nc":
                far.send(bytes([byte]))
                await asyncio.sleep(0.001)
        assert reading.result() == b"a\r\nb\r\n\r\n"
        assert near.recv(9) == b"c"


async def test_an_end_too_far_away_is_refused():
    near, far = pair()
    with near, far:
        far.send(b"a" * 20)
        with pytest.raises(HandshakeError):
            await Reader(near).until(b"\0", limit=10)


async def test_a_client_that_leaves_is_no_handshake():
    near, far = pair()
    with near:
        far.close()
        with pytest.raises(HandshakeError):
            await Reader(near).exactly(2)
