import asyncio
import socket

import pytest
from tests.unit.host.proxied import pair

from ktconnect.host.proxy_dial import abort_on_close, dial, relay


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


async def test_dialling_tries_one_address_after_the_other():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with await dial("localhost", listener.getsockname()[1]) as sock:
            assert sock.getpeername() == listener.getsockname()


async def test_dialling_where_nobody_listens_fails_with_the_reason():
    with pytest.raises(ConnectionRefusedError):
        await dial("127.0.0.1", 1)


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
async def test_dialling_what_is_no_host_name_fails_like_any_other_dial(host):
    with pytest.raises(OSError, match="no host name"):
        await dial(host, 80)


async def test_dialling_can_be_cancelled():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await dial(*address)


async def test_bytes_and_half_closes_pass_both_ways():
    client, left = pair()
    right, server = pair()
    loop = asyncio.get_running_loop()
    with client, left, right, server:
        async with asyncio.TaskGroup() as tasks:
            relaying = tasks.create_task(relay(left, right))
            client.send(b"question")
            client.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(server, 99) == b"question"
            assert await loop.sock_recv(server, 99) == b""
            server.send(b"an answer")
            server.close()
            assert await loop.sock_recv(client, 99) == b"an answer"
        result = relaying.result()
        assert (result.right, result.left, result.reset) == (8, 9, False)


async def test_no_more_than_the_limit_passes_to_the_right():
    client, left = pair()
    right, server = pair()
    with client, left, right, server:
        client.send(b"body and the next request")
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        assert (await relay(left, right, 4)).right == 4
        assert server.recv(99) == b"body"


async def test_an_end_without_an_answer_is_a_reset_where_one_is_due():
    client, left = pair()
    right, server = pair()
    with client, left, right, server:
        server.shutdown(socket.SHUT_WR)
        assert (await relay(left, right, must_answer=True)).reset
        left.send(b"the client can still be told")
        assert client.recv(99) == b"the client can still be told"


async def test_a_reset_ends_both_ways():
    client, left = tcp_pair()
    right, server = pair()
    with left, right, server:
        abort_on_close(client)
        client.close()
        assert (await relay(left, right)).reset
