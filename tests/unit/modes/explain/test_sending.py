import asyncio

import pytest
from tests.unit.kube.certificates import self_signed, server_context
from tests.unit.tunnel.ends import running_agent, tunnel_to

from ktconnect.modes.explain.sending import ask
from ktconnect.traffic.asking import BadAnswer
from ktconnect.traffic.exchange import Request

GET = Request("GET", "/x", (("Host", "web"), ("x-kt-trace", "abc")))


async def echo(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nx-kt-served-by: ci\r\n\r\n" + head)
    await writer.drain()
    writer.close()


async def silence(reader, writer):
    await reader.read()
    writer.close()


async def nonsense(reader, writer):
    writer.write(b"SSH-2.0\r\n")
    writer.close()


async def hang_up(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def asked(talk, tls=None, limit=5.0, context=None):
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with running_agent() as agent:
        async with server, tunnel_to(agent) as tunnel:
            try:
                return await ask(tunnel, f"127.0.0.1:{port}", GET, limit, tls)
            except (OSError, BadAnswer) as error:  # out of the tunnel's group of tasks
                failure = error
    raise failure


async def test_a_request_goes_through_the_tunnel_and_its_answer_comes_back():
    answer = await asked(echo)
    assert answer.status == 200
    assert ("x-kt-served-by", "ci") in answer.headers
    assert b"GET /x HTTP/1.1" in answer.body.data
    assert b"x-kt-trace: abc" in answer.body.data


async def test_it_can_be_encrypted_for_a_server_that_nobody_has_vouched_for(tmp_path):
    self_signed(tmp_path, "DNS:other.test")
    answer = await asked(echo, tls="web", context=server_context(tmp_path))
    assert answer.status == 200
    assert (await asked(echo, tls="", context=server_context(tmp_path))).status == 200


async def test_who_does_not_answer_is_not_waited_for_for_ever():
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
        await asked(silence, limit=0.1)


async def test_what_is_no_http_is_said():
    with pytest.raises(BadAnswer):
        await asked(nonsense)


async def test_a_connection_that_is_reset_is_a_failure():
    with pytest.raises((OSError, BadAnswer)):
        await asked(hang_up)
