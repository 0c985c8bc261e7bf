import asyncio
import json
import socket

import pytest
from picows import WSListener, WSUpgradeResponse
from tests.unit.kube.certificates import self_signed, server_context
from tests.unit.kube.fakeforward import V2, FakeForward, Heard, opened, send
from tests.unit.kube.fakesocks import socks_to

from ktconnect.errors import KtError, Unreachable
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig, Login, Plugin
from ktconnect.kube.credentials import Credentials
from ktconnect.kube.failures import Asked, NotFound, Unauthorized
from ktconnect.kube.plugin import Credential
from ktconnect.kube.portforward import open_pipe
from ktconnect.kube.upgrade import NotSpoken, upgraded


def refusal(code: int, message: str, name: str = "") -> WSUpgradeResponse:
    details = {"name": name} if name else {}
    body = json.dumps({"kind": "Status", "message": message, "details": details}).encode()
    answer: WSUpgradeResponse = WSUpgradeResponse.create_error_response(code, body)
    return answer


@pytest.mark.parametrize(
    ("answer", "kind", "told", "tries"),
    [
        (refusal(404, "gone", "web"), NotFound, "pods/web in namespace demo: does not exist", 1),
        (refusal(403, "cannot get resource"), KtError, "no right to get pods/portforward", 1),
        (refusal(400, "bad upgrade"), KtError, "bad upgrade", 2),
        (refusal(500, "unable to upgrade"), KtError, "unable to upgrade", 2),
    ],
)
async def test_a_refused_upgrade_is_told_as_it_is(answer, kind, told, tries):
    forward = FakeForward(V2)
    forward.refusal = answer
    async with forward.serving():
        with pytest.raises(kind, match=told):
            await opened(forward)
    assert len(forward.requests) == tries


async def test_credentials_that_expired_are_renewed_once():
    forward = FakeForward(V2)
    forward.refusal = refusal(401, "Unauthorized")
    handed = iter(["old", "new"])

    async def run(plugin, config):
        return Credential(token=next(handed))

    async with forward.serving():
        config = forward.config(login=Login(plugin=Plugin("helper")))
        async with Cluster(config, credentials=Credentials(config, run=run)) as cluster:
            with pytest.raises(Unauthorized):
                await open_pipe(cluster, "demo", "web", 1)
    found = [request.headers["Authorization"] for request in forward.requests]
    assert found == ["Bearer old", "Bearer new"]


async def test_a_token_that_is_not_accepted_is_told():
    forward = FakeForward(V2)
    forward.refusal = refusal(401, "Unauthorized")
    async with forward.serving():
        with pytest.raises(Unauthorized):
            await opened(forward)


async def test_a_dead_server_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Cluster(KubeConfig(f"http://127.0.0.1:{port}")) as cluster:
        with pytest.raises(Unreachable, match="refuses connections"):
            await open_pipe(cluster, "demo", "web", 1)


async def test_it_works_over_tls_with_another_name(tmp_path):
    pair = self_signed(tmp_path, "DNS:api.test")
    async with FakeForward(V2).serving(ssl=server_context(tmp_path)) as forward:
        trusted = {"server": f"https://127.0.0.1:{forward.port}", "authority": pair.certificate}
        pipe, heard = await opened(forward, tls_server_name="api.test", **trusted), Heard()
        pipe.start(heard)
        send(pipe, b"x" * 300_000)
        await heard.until(lambda: len(heard.data) == 300_000)
        pipe.close()
        with pytest.raises(Unreachable, match="not trusted"):
            await opened(forward, **trusted)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there_is_told(scheme):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = KubeConfig("http://198.51.100.7", proxy_url=f"{scheme}://127.0.0.1:{port}")
    async with Cluster(config) as cluster:
        with pytest.raises(Unreachable):
            await open_pipe(cluster, "demo", "web", 1)


async def test_a_proxy_that_says_no_is_told():
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Who are you\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        config = KubeConfig("http://198.51.100.7", proxy_url=f"http://127.0.0.1:{port}")
        async with Cluster(config) as cluster:
            with pytest.raises(Unreachable, match="407"):
                await open_pipe(cluster, "demo", "web", 1)


async def test_a_socks_proxy_leads_there():
    async with FakeForward(V2).serving() as forward, socks_to(forward.port) as proxy:
        pipe, heard = await opened(forward, server="http://198.51.100.7", proxy_url=proxy), Heard()
        pipe.start(heard)
        send(pipe, b"x")
        await heard.until(lambda: heard.data == b"x")
        pipe.close()


async def test_a_server_that_speaks_no_such_protocol_is_told_and_left():
    async with FakeForward(V2).serving() as forward, Cluster(forward.config()) as cluster:
        asked = Asked("create", "pods/exec", "", "demo", "web")
        with pytest.raises(NotSpoken, match="does not speak v9"):
            await upgraded(WSListener(), cluster, "/x", "v9", asked)
