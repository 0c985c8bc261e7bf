"""The streams' own epoll inside of asyncio's: one event of asyncio's serves all that are ready.

That costs a third of asyncio's price for each event, and gives rounds of the loop an end at which
small frames leave together.
"""

import asyncio
from typing import Any, Final
from weakref import WeakValueDictionary

from .loop import Callback, Timer
from .watches import SoonCall, Watches


class NestedLoop(Watches):
    """See ``loop.Loop``. Time, timers and errors are the asyncio loop's, which owns it."""

    def __init__(self, outer: asyncio.AbstractEventLoop) -> None:
        """Made by ``streams_loop`` alone."""
        super().__init__()
        self._outer = outer
        self._in_round = False
        self.time = outer.time
        self.call_later = outer.call_later
        self.call_soon_threadsafe = outer.call_soon_threadsafe
        outer.add_reader(self.epoll.fileno(), self._round)

    def call_soon(self, callback: Callback, /) -> Timer:
        """See ``loop.Loop``: at the end of this round, or in asyncio's next one."""
        if not self._in_round:
            return self._outer.call_soon(callback)
        call = SoonCall(callback)
        self.soon.append(call)
        return call

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        """See ``loop.Loop``."""
        self._outer.call_exception_handler(context)

    def _round(self) -> None:
        self._in_round = True
        try:
            self.serve(0)
            self.end_round()
        finally:
            self._in_round = False
        if self.soon:  # asked for by those that ended the round
            self._outer.call_soon(self.end_round)


_LOOPS: Final[WeakValueDictionary[int, NestedLoop]] = WeakValueDictionary()
"""By the identity of their asyncio loops, which outlive them."""


def streams_loop() -> NestedLoop:
    """The loop for the streams of the running asyncio loop; always the same one."""
    outer = asyncio.get_running_loop()
    loop = _LOOPS.get(id(outer))
    if loop is None:
        loop = _LOOPS[id(outer)] = NestedLoop(outer)
    return loop
