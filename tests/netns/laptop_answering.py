"""A laptop's side of an inbound session, as a process that can be killed or stopped.

``python -m tests.netns.laptop_answering AGENT_PORT TOKEN POD_PORT TARGET`` says "up" when a pipe is
up.
"""

import asyncio
import os
import sys

from tests.unit.tunnel.ends import connect

from ktconnect.tunnel.answer import Answers
from ktconnect.tunnel.tuning import raise_open_files
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.target import Target


async def main(agent: int, token: str, port: int, target: str) -> None:
    raise_open_files()
    tunnel = Tunnel(lambda: connect(agent), token)
    tunnel.on_open = Answers({("tcp", port): Target.parse(target)})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tunnel.run())
        await tunnel.ready()
        os.write(1, b"up\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
