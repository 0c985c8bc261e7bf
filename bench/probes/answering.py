"""The laptop's side of what callers measure: `answering.py HTTP-PORT ECHO-PORT` serves on loopback.

A page of a hundred bytes with the end of its connection, and an echo.
"""

import asyncio
import resource
import sys

PAGE = b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n" + 100 * b"x"


class Page(asyncio.Protocol):
    """One answer to whatever is asked."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(PAGE)
        self.transport.close()


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.write = transport.write

    def data_received(self, data: bytes) -> None:
        self.write(data)


async def main(page: int, echo: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Page, "127.0.0.1", page, backlog=4096)
    await loop.create_server(Echo, "127.0.0.1", echo, backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
