"""For the proxy's tests: a running proxy, a web server behind it, and a tunnel that is none."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from ktconnect.host.proxy import Proxy, listen
from ktconnect.host.proxy_dial import dial, relay
from ktconnect.wire.target import Target


def pair() -> tuple[socket.socket, socket.socket]:
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    return left, right


class DirectTunnel:
    """Joins each socket to ``port`` on loopback, whatever the target; hangs up if there is none."""

    def __init__(self, tasks: asyncio.TaskGroup, port: int | None) -> None:
        self.tasks, self.port = tasks, port
        self.targets: list[str] = []

    def join(self, sock: socket.socket, target: Target) -> None:
        self.targets.append(str(target))
        self.tasks.create_task(self._relay(sock))

    async def _relay(self, sock: socket.socket) -> None:
        with sock:
            if self.port is not None:
                with await dial("127.0.0.1", self.port) as remote:
                    await relay(sock, remote)


class Bench:
    """``heads``: the heads of the requests that reached the web server."""

    def __init__(self, port: int, tunnel: DirectTunnel, web_port: int, heads: list[bytes]) -> None:
        self.port, self.tunnel, self.web_port, self.heads = port, tunnel, web_port, heads

    async def curl(self, *arguments: str, url: str = "http://web.shop/page") -> tuple[int, str]:
        """Exit code and output of curl, told to use the proxy by ``arguments`` with ``{}``."""
        proxy = [part.replace("{}", f"127.0.0.1:{self.port}") for part in arguments]
        command = ["curl", "-sS", "--noproxy", "", "-m", "5", *proxy, url]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def talk(self, data: bytes) -> bytes:
        """Say something to the proxy; all that it answers until it hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@contextlib.asynccontextmanager
async def proxy(
    *, backend: bool = True, direct: bool = False, handshake: float = 5
) -> AsyncIterator[Bench]:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                if b"Content-Length: 4" in head:
                    heads.append(await reader.readexactly(4))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
                if b"Connection: close" in head:
                    break
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    web_port = server.sockets[0].getsockname()[1]
    async with server, asyncio.TaskGroup() as tasks:
        tunnel = DirectTunnel(tasks, web_port if backend else None)

        def route(host: str, port: int) -> Target | None:
            return None if direct else Target("tcp", host, port)

        listener = listen(port=0)
        port = listener.getsockname()[1]
        running = tasks.create_task(
            Proxy([listener], route, tunnel.join, handshake=handshake).run()
        )
        await asyncio.sleep(0)
        yield Bench(port, tunnel, web_port, heads)
        running.cancel()
