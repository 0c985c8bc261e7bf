"""What a stream's local socket did not take yet. Bounded by the stream's window and the session."""

import socket

from ktconnect.wire.window import Budget


class Backlog:
    """Exists only while something waits. ``close`` gives the session's memory back."""

    __slots__ = ("_budget", "_data")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._data = bytearray()

    def add(self, payload: memoryview) -> bool:
        """Keep a copy; False if the session has no room for it."""
        if not self._budget.hold(len(payload)):
            return False
        self._data += payload
        return True

    @property
    def empty(self) -> bool:
        """Nothing waits any more."""
        return not self._data

    def write(self, sock: socket.socket) -> int:
        """Send what the socket takes; how much that was. Raises: OSError."""
        with memoryview(self._data) as view:
            sent = sock.send(view)
        del self._data[:sent]
        self._budget.release(sent)
        return sent

    def close(self) -> None:
        """Forget it."""
        self._budget.release(len(self._data))
        self._data.clear()
