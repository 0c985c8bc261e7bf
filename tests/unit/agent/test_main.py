"""The agent as it runs in a Pod: one file, a bare interpreter, no site-packages."""

import asyncio
import contextlib
import http.server
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.tunnel.ends import TOKEN, free_port, joined, read_all, tunnel_to

from ktconnect.agent.__main__ import main
from ktconnect.modes.bundle import agent_bundle
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec
from ktconnect.wire.target import Target


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "ktagent.pyz"
    path.write_bytes(agent_bundle())
    return path


def command(pyz: Path, *argv: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(pyz), *argv]


def check(pyz: Path, port: int) -> int:
    return subprocess.run(command(pyz, "--check", "--port", str(port)), check=False).returncode


@contextlib.contextmanager
def agent(pyz: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    spec = AgentSpec(token_digest(TOKEN), free_port())
    with subprocess.Popen(command(pyz, *spec.to_argv()), stderr=subprocess.PIPE) as process:
        try:
            yield process, spec.port
        finally:
            process.kill()


class Greet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from " + self.path.encode())

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def http_server() -> Iterator[Target]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Greet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Target("tcp", "127.0.0.1", server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


async def request(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"GET /cart HTTP/1.0\r\n\r\n")
    return await read_all(sock)


async def test_it_carries_a_real_http_request(pyz):
    with agent(pyz) as (process, port), http_server() as target:
        assert await asyncio.to_thread(check, pyz, port) == 0
        async with tunnel_to(port, pipes=2) as tunnel:
            facts = await tunnel.ready()
            assert sys.version.startswith(facts.python)
            with joined(tunnel, target) as sock:
                assert (await request(sock)).endswith(b"hello from /cart")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 5) == 0
        assert process.stderr is not None
        log = process.stderr.read().decode()
        assert f"listening on port {port}" in log
        assert TOKEN not in log


def test_orders_that_make_no_sense_are_named(pyz):
    done = subprocess.run(
        command(pyz, "--loud", "yes"), check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "unknown argument '--loud'" in done.stderr


def test_a_port_that_is_taken_is_named(pyz):
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            spec = AgentSpec(token_digest(TOKEN), port)
            done = subprocess.run(
                command(pyz, *spec.to_argv()), check=False, capture_output=True, text=True
            )
    assert done.returncode == 1
    assert "can't listen: Address already in use" in done.stderr


def test_the_check_tells_whether_something_listens(capfd):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert main(["--check", "--port", str(server.getsockname()[1])]) == 0


def test_wrong_orders_end_it_before_it_listens(capfd):
    assert main(["--token-sha256", "short"]) == 2
    assert "64 lower-case hex digits" in capfd.readouterr().err
