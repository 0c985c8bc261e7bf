"""Whose turn it is: streams that have little before those that have much, but not for ever."""

from collections import deque
from typing import Final, Protocol

QUICK_TURNS: Final = 8
"""Turns of those with little before one of those with much."""


class Sender(Protocol):
    """Something that has bytes for the pipe and waits for its turn."""

    @property
    def bulky(self) -> bool:
        """It filled its last turn: it has much to send."""

    def pump(self) -> bool:
        """Send one chunk. True: there is more, give me another turn."""


class Turns:
    """The senders that wait, in rotation."""

    __slots__ = ("_bulk", "_quick", "_quick_turns")

    def __init__(self) -> None:
        self._quick: deque[Sender] = deque()
        self._bulk: deque[Sender] = deque()
        self._quick_turns = 0

    def __bool__(self) -> bool:
        return bool(self._quick or self._bulk)

    def add(self, sender: Sender) -> None:
        """It waits, behind those of its kind."""
        (self._bulk if sender.bulky else self._quick).append(sender)

    def take(self) -> None:
        """Let the next one send a chunk. Somebody must wait."""
        sender = self._next()
        if sender.pump():
            self.add(sender)

    def clear(self) -> None:
        """Forget them all."""
        self._quick.clear()
        self._bulk.clear()

    def _next(self) -> Sender:
        if self._quick and (not self._bulk or self._quick_turns < QUICK_TURNS):
            self._quick_turns += 1
            return self._quick.popleft()
        self._quick_turns = 0
        return self._bulk.popleft()
