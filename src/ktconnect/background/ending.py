"""Ending a session's process, and noticing that it has ended, whoever has its id later."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ktconnect.errors import HostError

from .process import Process


@dataclass(frozen=True, slots=True)
class Held:
    """One process, held by a descriptor (pidfd_open(2)): no later one can be mistaken for it."""

    process: Process
    descriptor: int

    def send(self, number: signal.Signals) -> None:
        """A signal; none if it is gone. Raises: HostError if it is another user's."""
        try:
            signal.pidfd_send_signal(self.descriptor, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise HostError(
                f"process {self.process.owner.pid} of {self.process.name} runs as another user",
                hint="run this with sudo",
            ) from None

    async def ended(self) -> None:
        """Return when it has ended."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.descriptor, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(self.descriptor)


@contextmanager
def held(process: Process) -> Iterator[Held | None]:
    """The process of a process; None if it has ended. Closes: the descriptor."""
    try:
        descriptor = os.pidfd_open(process.owner.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        # Asked after it was opened: the descriptor can't be a later process's then.
        yield Held(process, descriptor) if process.owner.is_alive() else None
    finally:
        os.close(descriptor)
