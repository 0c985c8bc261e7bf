import asyncio
import socket
from functools import partial

import pytest
from tests.unit.host.proxied import Bench, proxy
from tests.unit.tunnel.ends import running_agent, tunnel_to

from ktconnect.errors import HostError
from ktconnect.host.proxy import Proxy, is_own, listen
from ktconnect.wire.target import Target


@pytest.mark.parametrize(
    "options",
    [
        ("--socks5-hostname", "{}"),
        ("--socks4a", "{}"),
        ("--proxy", "http://{}"),
        ("--proxytunnel", "--proxy", "http://{}"),
    ],
)
async def test_curl_reaches_a_name_of_the_cluster(options):
    async with proxy() as bench:
        assert await bench.curl(*options) == (0, "hello\n")
        assert bench.tunnel.targets == ["tcp:web.shop:80"]


@pytest.mark.parametrize(
    ("options", "host"),
    [
        (("--socks5", "{}"), "10.96.0.7"),
        (("--socks4", "{}"), "10.96.0.7"),
        (("--socks5", "{}"), "[fd00::7]"),
        (("--proxy", "http://{}"), "[fd00::7]"),
        (("--proxytunnel", "--proxy", "http://{}"), "[fd00::7]"),
    ],
)
async def test_curl_reaches_an_address_of_the_cluster(options, host):
    async with proxy() as bench:
        assert await bench.curl(*options, url=f"http://{host}:8080/") == (0, "hello\n")
        assert bench.tunnel.targets == [f"tcp:{host}:8080"]


@pytest.mark.parametrize("options", [("--socks5-hostname", "{}"), ("--proxy", "http://{}")])
async def test_what_is_not_the_clusters_is_dialled_from_here(options):
    async with proxy(backend=False, direct=True) as bench:
        code = await bench.curl(*options, url=f"http://localhost:{bench.web_port}/")
        assert code == (0, "hello\n")
        assert bench.tunnel.targets == []


async def test_a_request_reaches_the_server_in_origin_form_and_one_per_connection():
    async with proxy() as bench:
        url = "http://user:secret@web.shop/page?x=1"
        await bench.curl("--proxy", "http://{}", url, "-d", "four")
        assert len(bench.tunnel.targets) == 2
        assert bench.heads[0].startswith(b"POST /page?x=1 HTTP/1.1\r\nHost: web.shop\r\n")
        assert b"Proxy-Connection" not in bench.heads[0]
        assert bench.heads[0].endswith(b"\r\nConnection: close\r\n\r\n")
        assert bench.heads[1] == b"four"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--socks5-hostname", "{}"), 97, "(5)"),
        (("--proxytunnel", "--proxy", "http://{}"), 56, "502"),
        (("--socks4a", "{}"), 97, "91"),
    ],
)
async def test_a_refused_connection_is_told_in_the_protocol(options, code, message):
    async with proxy(direct=True) as bench:
        exit_code, output = await bench.curl(*options, url="http://127.0.0.1:1/")
        assert (exit_code, message in output) == (code, True), output


async def test_a_plain_request_to_a_dead_server_is_answered_with_a_gateway_error():
    async with proxy(direct=True) as bench:
        _, output = await bench.curl("--proxy", "http://{}", "-i", url="http://localhost:1/")
        assert "502 Bad Gateway" in output
    async with proxy(backend=False) as bench:
        _, output = await bench.curl("--proxy", "http://{}", "-i")
        assert "502 Bad Gateway" in output
        assert "closed the connection without an answer" in output


OPTIONS = [("--socks5-hostname", "{}"), ("--socks4a", "{}"), ("--proxy", "http://{}")]


@pytest.mark.parametrize("options", [*OPTIONS, ("--proxytunnel", "--proxy", "http://{}")])
async def test_it_works_through_a_real_tunnel_and_agent(options):
    with running_agent() as agent:
        async with proxy() as web, tunnel_to(agent) as tunnel, asyncio.TaskGroup() as tasks:
            listener = listen(port=0)
            port = listener.getsockname()[1]
            route = partial(Target, "tcp")
            running = tasks.create_task(Proxy([listener], route, tunnel.join).run())
            bench = Bench(port, web.tunnel, web.web_port, web.heads)
            url = f"http://localhost:{web.web_port}/"
            assert await bench.curl(*options, url=url) == (0, "hello\n")
            code, output = await bench.curl(*options, "-i", url="http://localhost:1/")
            assert code or "502 Bad Gateway" in output
            running.cancel()


async def test_an_optimistic_connection_that_fails_is_hung_up():
    async with proxy(backend=False) as bench:
        exit_code, _ = await bench.curl("--socks5-hostname", "{}")
        assert exit_code in (52, 56)


async def test_who_says_nothing_is_hung_up_after_a_while():
    async with proxy(handshake=0.05) as bench:
        assert await bench.talk(b"") == b""
        assert await bench.talk(b"\5\1\0") == b"\5\0"


async def test_rubbish_gets_an_answer_a_person_understands():
    async with proxy() as bench:
        assert b"This is the proxy of ktctl" in await bench.talk(b"GET / HTTP/1.1\r\n\r\n")
        assert await bench.talk(b"\x16\x03\x01 tls\r\n\r\n")


async def test_bytes_sent_along_with_the_handshake_are_not_lost():
    request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    async with proxy() as bench:
        answer = await bench.talk(b"CONNECT web:80 HTTP/1.1\r\n\r\n" + request)
        assert answer.startswith(b"HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"hello\n")
        answer = await bench.talk(b"\5\1\0\5\1\0\3\3web\0\x50" + request)
        assert answer.endswith(b"hello\n")


async def test_a_reset_by_the_server_is_a_reset_for_the_client():
    async with proxy(direct=True) as bench:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            listener.setblocking(False)
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
            writer.write(b"\5\1\0\5\1\0\1\x7f\0\0\1" + port.to_bytes(2, "big"))
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            await reader.readexactly(12)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()


async def test_a_port_in_use_is_refused_with_the_remedy():
    with listen(port=0) as taken:
        with pytest.raises(HostError, match="can't listen") as caught:
            listen(port=taken.getsockname()[1])
        assert "--proxyPort" in caught.value.hint


async def test_it_listens_on_ipv6_too():
    with listen("::1", 0) as sock:
        assert sock.getsockname()[0] == "::1"


@pytest.mark.parametrize(
    ("peer", "own"),
    [(("127.0.0.1", 80), True), (("::1", 80, 0, 0), True), (("fe80::1%eth0", 80), False),
     (("192.168.1.7", 80), False)],
)  # fmt: skip
def test_this_machines_own_services_are_not_for_clients_from_elsewhere(peer, own):
    class Peer(socket.socket):
        def getpeername(self):
            return peer

    with Peer() as sock:
        assert is_own(sock) is own
