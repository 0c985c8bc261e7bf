"""A laptop's side of an inbound session, as a process that can be killed or stopped.

``python laptop_answering.py AGENT_PORT TOKEN POD_PORT TARGET``; says "up" when a pipe is up.
"""

import asyncio
import os
import socket
import sys

from ktconnect.tunnel.answer import Answers
from ktconnect.tunnel.socketpipe import SocketPipe
from ktconnect.tunnel.tuning import raise_open_files
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.target import Target


async def pipe(port: int) -> SocketPipe:
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return SocketPipe(loop, sock)


async def main(agent: int, token: str, port: int, target: str) -> None:
    raise_open_files()
    tunnel = Tunnel(lambda: pipe(agent), token)
    tunnel.on_open = Answers({("tcp", port): Target.parse(target)})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tunnel.run())
        await tunnel.ready()
        os.write(1, b"up\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
