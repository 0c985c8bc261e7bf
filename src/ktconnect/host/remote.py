"""ktctl's side of the root helper."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from ktconnect.errors import HostError
from ktconnect.groups import task_group

from .channel import Channel, Message
from .laptop import LaptopNetworks, Resolver
from .plan import HostPlan

ANSWER_TIMEOUT = 60.0  # seconds that a helper may take for one request
DOOR_TIMEOUT = 5.0  # seconds that the root process may take to end, which has nothing to undo
UNDO_TIMEOUT = 15.0  # seconds that a helper may take to put everything back
NEEDS_ROOT = "run with sudo, or use --disableTunDevice"


class HelperLost(HostError):
    """The helper died, and took its changes along; another one may be started."""


class Door:
    """The one root process, which starts helpers; open it before rights are dropped."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def start_helper(self) -> Channel:
        """Have a helper started. Raises: HostError if the door is gone."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._sock, [b"h"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise HostError("the root helper was killed", hint="start ktctl again") from None
        finally:
            theirs.close()
        return Channel(ours)


@asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    """Start the root process. Raises: HostError if we are not root. Closes it at the end."""
    if os.geteuid() != 0:
        raise HostError("changing this machine's network needs root", hint=NEEDS_ROOT)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "ktconnect.host.helper", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        try:
            yield Door(ours)
        finally:
            ours.close()
            with suppress(TimeoutError):  # it may be stopped; we have no right to kill it any more
                async with asyncio.timeout(DOOR_TIMEOUT):
                    await process.wait()


class Helper:
    """One root helper at work; all it does is undone when it goes, or when we go."""

    def __init__(self, channel: Channel, on_resolver: Callable[[Resolver], object]) -> None:
        self._channel = channel
        self._on_resolver = on_resolver
        self._replies: asyncio.Queue[tuple[Message, tuple[int, ...]]] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._lost = asyncio.Event()
        self.recovered: list[str] = []  # what dead sessions had left, undone at the start
        self.tun = -1  # the TUN's descriptor, non-blocking; valid after the first set()
        self.dns_sockets: tuple[socket.socket, ...] = ()  # UDP and listening TCP, if asked for

    async def facts(self) -> LaptopNetworks:
        """What the laptop's network looks like. Raises: HostError."""
        reply, _ = await self._ask({"do": "facts"})
        return LaptopNetworks.from_json(reply["facts"])

    async def recover(self) -> list[str]:
        """Undo what dead sessions left; one line for each thing done. Raises: HostError."""
        reply, _ = await self._ask({"do": "recover"})
        return list(reply["recovered"])

    async def check(self, plan: HostPlan) -> None:
        """Look whether it can be made so, as far as files go. Raises: HostError naming one."""
        await self._ask({"do": "check", "plan": plan.to_json()})

    async def set(self, plan: HostPlan) -> None:
        """Make it so; again with other networks or names while connected.

        Raises: HostError, HelperLost.
        """
        _, fds = await self._ask({"do": "set", "plan": plan.to_json()})
        if fds:
            self.tun, *sockets = fds
            self.dns_sockets = tuple(socket.socket(fileno=fd) for fd in sockets)

    async def wait_lost(self) -> None:
        """Return when the helper has died; its changes are gone, start another one."""
        await self._lost.wait()

    async def listen(self) -> None:
        """Take what the helper says until it is gone; run by ``open_helper``."""
        while (received := await self._channel.receive()) is not None:
            message, fds = received
            if message.get("event") == "resolver":
                self._on_resolver(Resolver.from_json(message["resolver"]))
            else:
                self._replies.put_nowait((message, fds))
        self._lost.set()
        self._replies.put_nowait(({"lost": True}, ()))

    async def _ask(self, request: Message) -> tuple[Message, tuple[int, ...]]:
        async with self._turn:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await self._channel.send(request)
                    reply, fds = await self._replies.get()
            except TimeoutError:
                raise HostError(
                    "the root helper does not answer", hint="`sudo ktctl clean` undoes what it left"
                ) from None
            except OSError:
                raise HelperLost("the root helper died") from None
        if "lost" in reply:
            raise HelperLost("the root helper died")
        if "error" in reply:
            raise HostError(reply["error"], hint=reply.get("hint", ""))
        return reply, fds

    async def end(self) -> None:
        """Have everything undone, and wait until it is."""
        self.close_descriptors()
        self._channel.end_sending()
        try:
            async with asyncio.timeout(UNDO_TIMEOUT):
                await self._lost.wait()
        except TimeoutError:
            raise HostError(
                "the root helper did not end", hint="`sudo ktctl clean` undoes what it left"
            ) from None

    def close_descriptors(self) -> None:
        """Give up the TUN and the DNS sockets; idempotent."""
        for sock in self.dns_sockets:
            sock.close()
        self.dns_sockets = ()
        if self.tun >= 0:
            os.close(self.tun)
            self.tun = -1


def _ignore(_: Any) -> None:
    """Nobody asked to be told."""


@asynccontextmanager
async def open_helper(
    door: Door, *, on_resolver: Callable[[Resolver], object] = _ignore
) -> AsyncIterator[Helper]:
    """A root helper for as long as the block runs; leaving it undoes all it did.

    ``on_resolver`` is told when the servers that answered names before us are others now.
    What dead sessions left is undone first. Raises: HostError.
    """
    channel = door.start_helper()
    helper = Helper(channel, on_resolver)
    try:
        async with task_group() as tasks:
            listening = tasks.create_task(helper.listen())
            try:
                helper.recovered = await helper.recover()
                yield helper
            finally:
                await helper.end()
                listening.cancel()
    finally:
        channel.close()
