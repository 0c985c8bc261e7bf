"""The root helper: ``python -I -m ktconnect.host.helper FD``.

A *door*, which does nothing but fork a *worker* for each socket it is handed through FD. A
worker changes the laptop's network as its socket says (JSON lines, see ``HostPlan``), and undoes
it when the other end is closed, or on SIGTERM, SIGINT or SIGHUP. So ktctl can drop its rights
once the door is open, and still get another worker should one be killed.

Worker and door are in a session of their own: Ctrl-C in the terminal doesn't reach them.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ktconnect.errors import HostError, KtError
from ktconnect.groups import task_group

from .backend import HostBackend
from .channel import Channel, Message
from .links import Links
from .network import HostNetwork, recover
from .plan import HostPlan

if TYPE_CHECKING:
    from .laptop import Resolver

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Worker:
    """Answers the requests of one ktctl: facts, check, set, recover."""

    def __init__(self, channel: Channel, network: HostNetwork, backend: HostBackend) -> None:
        self._channel = channel
        self._network = network
        self._backend = backend
        self._given = False

    async def serve(self) -> None:
        """Until the other end is closed. Raises: OSError if it goes while we answer."""
        while (request := await self._channel.receive()) is not None:
            message, fds = request
            for descriptor in fds:  # nobody is to send us any
                os.close(descriptor)
            try:
                await self._answer(message)
            except KtError as error:
                await self._channel.send({"error": str(error), "hint": error.hint})

    async def _answer(self, request: Message) -> None:
        match request:
            case {"do": "facts"}:
                facts = await self._network.look()
                await self._channel.send({"facts": facts.to_json()})
            case {"do": "recover"}:
                await self._channel.send({"recovered": await recover(self._backend)})
            case {"do": "check", "plan": dict(plan)}:
                self._network.check(HostPlan.from_json(plan))
                await self._channel.send({"checked": True})
            case {"do": "set", "plan": dict(plan)}:
                await self._set(HostPlan.from_json(plan))
            case _:
                raise HostError(f"the helper doesn't know the request {request!r:.80}")

    async def _set(self, plan: HostPlan) -> None:
        await self._network.set(plan)
        fds = () if self._given else self._network.descriptors
        self._given = True
        await self._channel.send({"set": True}, fds)

    async def keep(self) -> None:
        """Keep names ours; tell ktctl when those who answered before us are others."""
        news: asyncio.Queue[Resolver] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._network.keep(news.put_nowait))
            while True:
                resolver = await news.get()
                await self._channel.send({"event": "resolver", "resolver": resolver.to_json()})


async def work(sock: socket.socket) -> None:
    """Serve one ktctl until it is gone or we are told to stop, then undo everything."""
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    channel = Channel(sock)
    backend = HostBackend()
    try:
        async with Links.open() as links:
            network = HostNetwork(links, backend)
            try:
                await _until(stop, Worker(channel, network, backend))
            finally:
                await _report(network.undo())
    finally:
        channel.close()


async def _until(stop: asyncio.Event, worker: Worker) -> None:
    """Run the worker until it ends or ``stop`` is set."""

    async def to_the_end(running: Awaitable[None]) -> None:
        try:
            await running
        except ConnectionError:
            pass  # ktctl is gone
        finally:
            stop.set()

    async with task_group() as tasks:
        both = [tasks.create_task(to_the_end(run)) for run in (worker.serve(), worker.keep())]
        await stop.wait()
        for task in both:
            task.cancel()


async def _report(undoing: Awaitable[None]) -> None:
    """Undo, and tell on stderr what couldn't be; there is nobody left to answer to."""
    try:
        await undoing
    except (KtError, OSError) as error:
        print(f"ktctl: {error}", file=sys.stderr)  # noqa: T201


def door(sock: socket.socket) -> socket.socket | None:
    """Fork a worker for each socket that comes, and return it there.

    Return None, in the door itself, when the other end is closed.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    while True:
        data, fds, _, _ = socket.recv_fds(sock, 1, 1)
        if not data:
            return None
        if fds and os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            sock.close()
            return socket.socket(fileno=fds[0])
        for descriptor in fds:
            os.close(descriptor)


if __name__ == "__main__":
    os.umask(0o022)
    if (handed := door(socket.socket(fileno=int(sys.argv[1])))) is not None:
        asyncio.run(work(handed))
