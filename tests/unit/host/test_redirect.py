import asyncio
import socket

import pytest

from ktconnect.host.redirect import open_redirect, original_destination


def never(sock, target):
    raise AssertionError(target)


async def is_reset(host, port):
    """Whether a connection is reset, be it before connect() has returned."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except ConnectionResetError:
        return True
    try:
        await reader.read()
    except ConnectionResetError:
        return True
    finally:
        writer.close()
    return False


@pytest.mark.parametrize("forwarded", [False, True])
async def test_a_connection_to_the_listener_itself_is_reset(forwarded):
    async with open_redirect(never, forwarded=forwarded) as redirect:
        assert await is_reset("127.0.0.1", redirect.ports[0])
        assert await is_reset("::1", redirect.ports[1])


async def test_listeners_are_closed_at_the_end():
    async with open_redirect(never) as redirect:
        pass
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", redirect.ports[0])


async def test_listeners_are_on_loopback_unless_forwarded_traffic_comes_too():
    async with open_redirect(never) as redirect:
        with socket.socket() as other:
            other.bind(("127.0.0.2", redirect.ports[0]))
    async with open_redirect(never, forwarded=True) as redirect:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.2", redirect.ports[0]))


def test_a_socket_that_was_not_redirected_has_no_other_destination():
    one, other = socket.socketpair()
    with one, other:
        assert original_destination(one, 1) is None
