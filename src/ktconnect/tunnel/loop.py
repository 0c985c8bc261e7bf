"""What the core asks of an event loop. asyncio's loops have it; so has ``EpollLoop``."""

from collections.abc import Callable
from typing import Any, Protocol

Callback = Callable[[], object]


class Timer(Protocol):
    """A call that was asked for and can be called off."""

    def cancel(self) -> None:
        """Don't make the call. Idempotent."""


class Loop(Protocol):
    """Tells when sockets are ready and when time has passed."""

    def add_reader(self, fd: int, callback: Callback, /) -> object:
        """Call whenever ``fd`` can be read, until removed."""

    def remove_reader(self, fd: int, /) -> object:
        """No more calls for reading. Harmless if there were none."""

    def add_writer(self, fd: int, callback: Callback, /) -> object:
        """Call whenever ``fd`` can be written, until removed."""

    def remove_writer(self, fd: int, /) -> object:
        """No more calls for writing. Harmless if there were none."""

    def call_soon(self, callback: Callback, /) -> Timer:
        """Call in the next round."""

    def call_soon_threadsafe(self, callback: Callback, /) -> object:
        """The same, from any thread."""

    def call_later(self, delay: float, callback: Callback, /) -> Timer:
        """Call once after ``delay`` seconds."""

    def call_exception_handler(self, context: dict[str, Any], /) -> object:
        """Hear of an exception that nobody expected: its ``message`` and ``exception``."""

    def time(self) -> float:
        """Seconds on the clock that ``call_later`` uses."""
