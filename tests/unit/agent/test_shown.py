import asyncio
import socket

import pytest
from tests.unit.tunnel.ends import free_port

from ktconnect.agent.shown import Shown


async def listens(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_the_port_listens_only_while_there_is_a_laptop():
    port = free_port()
    shown = Shown(asyncio.get_running_loop(), port)
    assert not await listens(port)
    shown.laptop_seen()
    shown.laptop_seen()
    shown.tick(1.0)
    assert await listens(port)
    shown.laptop_gone(2.0)
    assert not await listens(port)
    shown.laptop_seen()
    assert await listens(port)
    shown.close()
    shown.close()
    assert not await listens(port)


async def test_a_port_that_is_taken_is_an_error():
    with socket.create_server(("", 0)) as taken:
        shown = Shown(asyncio.get_running_loop(), taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            shown.laptop_seen()
