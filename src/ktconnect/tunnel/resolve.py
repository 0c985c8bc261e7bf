"""Names to addresses without holding the loop up: a few threads that ask the system."""

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from .loop import Loop

THREADS: Final = 4

Address = tuple[socket.AddressFamily, tuple[str, int]]
Resolved = Callable[[list[Address]], object]
_Question = tuple[str, int, Resolved]


def numeric(host: str, port: int) -> Address | None:
    """The address, if ``host`` is one and no name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return family, (host, port)
    return None


class Resolver:
    """Starts its threads when first asked. They are daemons: a slow answer delays no exit."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._threads = 0

    def resolve(self, host: str, port: int, resolved: Resolved) -> None:
        """Call ``resolved`` on the loop with the addresses, best first; none if unknown."""
        self._questions.put((host, port, resolved))
        if self._threads < THREADS:
            self._threads += 1
            threading.Thread(target=self._serve, name="resolver", daemon=True).start()

    def _serve(self) -> None:
        while True:
            host, port, resolved = self._questions.get()
            self._answer(_ask(host, port), resolved)

    def _answer(self, addresses: list[Address], resolved: Resolved) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(lambda: resolved(addresses))


def _ask(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [(family, (str(address[0]), port)) for family, _, _, _, address in found]
