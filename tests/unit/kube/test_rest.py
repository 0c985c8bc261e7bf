import asyncio
import socket
from contextlib import aclosing

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakesocks import socks_to

from ktconnect.errors import Refused, Unreachable
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig, Login, Plugin
from ktconnect.kube.credentials import Credentials
from ktconnect.kube.failures import Asked, TooMany, Unauthorized
from ktconnect.kube.plugin import Credential
from ktconnect.kube.rest import Request, Rest


async def test_a_busy_server_is_asked_again_when_it_says(api, cluster):
    api.next_answers = [Answer(429, {"message": "busy"}, {"Retry-After": "0"})] * 2
    assert (await cluster.version()).text == "v1.36.3"
    assert len(api.asked) == 3


async def test_a_server_that_stays_busy_is_given_up(api, cluster):
    api.next_answers = [Answer(429, {"message": "busy"}, {"Retry-After": "0"})] * 9
    with pytest.raises(TooMany):
        await cluster.version()
    api.next_answers = [Answer(429, {"message": "busy"}, {"Retry-After": "100"})]
    with pytest.raises(TooMany):
        await cluster.version()


async def test_reading_is_tried_again_when_a_kept_connection_was_closed(api, cluster):
    await cluster.version()
    api.next_answers = [Answer(cut=True)]
    assert (await cluster.version()).text == "v1.36.3"


async def test_writing_is_not_tried_twice(api, cluster):
    await cluster.version()
    api.next_answers = [Answer(cut=True)]
    with pytest.raises(Unreachable, match="closed the connection"):
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})


async def test_a_server_that_always_hangs_up_is_unreachable(api, cluster):
    api.next_answers = [Answer(cut=True)] * 9
    with pytest.raises(Unreachable, match="closed the connection"):
        await cluster.version()


async def test_a_dead_server_refuses_connections():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Cluster(KubeConfig(f"https://127.0.0.1:{port}")) as cluster:
        with pytest.raises(Unreachable, match=f"127.0.0.1:{port} refuses connections") as caught:
            await cluster.version()
    assert "VPN" in caught.value.hint


async def test_a_proxy_that_says_no_is_named():
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Who are you\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        config = KubeConfig("https://api.invalid", proxy_url=f"http://127.0.0.1:{port}")
        async with Cluster(config) as cluster:
            with pytest.raises(Unreachable, match=r"through its proxy: .*407"):
                await cluster.version()


async def test_a_socks_proxy_leads_there(api):
    async with socks_to(api.port) as proxy:
        config = api.config(server="http://198.51.100.7:80", proxy_url=proxy)
        async with Cluster(config) as cluster:
            assert (await cluster.version()).text == "v1.36.3"


async def test_a_server_speaking_no_tls_is_told_from_one_that_is_down():
    async def answer_plainly(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer_plainly, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Cluster(KubeConfig(f"https://127.0.0.1:{port}")) as cluster:
            with pytest.raises(Unreachable, match="TLS handshake"):
                await cluster.version()


async def test_credentials_that_expired_are_fetched_anew_once(api):
    api.token = "new"
    handed = iter(["old", "new", "older"])

    async def run(plugin, config):
        return Credential(token=next(handed))

    config = api.config(login=Login(plugin=Plugin("helper")))
    async with Cluster(config, credentials=Credentials(config, run=run)) as cluster:
        await cluster.version()
        api.token = "newest"
        with pytest.raises(Unauthorized):
            await cluster.version()
        assert next(handed, None) is None


async def test_a_token_that_is_not_accepted_is_an_error_at_once(api, cluster):
    api.token = "other"
    with pytest.raises(Unauthorized, match="credentials expired or not accepted"):
        await cluster.version()
    assert len(api.asked) == 1


async def test_an_url_with_a_path_is_kept(api):
    api.routes["/k8s/clusters/c-x/version"] = lambda asked: Answer(
        body={"major": "1", "minor": "28", "gitVersion": "v1.28.0"}
    )
    async with Cluster(api.config(server=f"{api.url}/k8s/clusters/c-x")) as cluster:
        assert (await cluster.version()).number == (1, 28)


async def test_a_bad_request_is_refused_with_the_servers_reason(api, cluster):
    api.next_answers = [Answer(400, {"message": "no such field"})]
    with pytest.raises(Refused, match="no such field"):
        await cluster.version()


class Renewed(Credentials):
    """Whose plugin hands out another certificate when it is told to."""

    now = ("first", "key")

    async def certificate(self):
        return self.now


async def test_connections_of_an_old_certificate_are_closed_once_nobody_uses_them(api):
    credentials = Renewed(api.config())
    asked = Asked("watch", "pods")
    watching = Request("GET", "/api/v1/namespaces/demo/pods", asked, {"watch": "true"})
    plain = Request("GET", "/version", Asked("get", "/version"))
    rest = Rest(api.config(), credentials)
    async with aclosing(rest):
        async with rest.stream(watching):
            await api.connected(1)
            credentials.now = ("second", "key")
            await rest.send(plain)
            await api.connected(2)
            api.end_watches()
        await api.connected(1)
        await rest.send(plain)
        await api.connected(1)
    await api.connected(0)
