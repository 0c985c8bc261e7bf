"""A stream that the peer opened, on its way to its target."""

import socket
from typing import TYPE_CHECKING

from ktconnect.wire.target import Target

from .link import Link
from .member import End, OnEnd
from .stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dial import Dialer, Dialing


class Arrival:
    """See above. Implements ``dial.Guest``."""

    __slots__ = (
        "_dialer", "_dialing", "_link", "_number", "between", "on_connected", "on_end", "stream",
    )  # fmt: skip

    def __init__(self, dialer: "Dialer", link: Link, number: int) -> None:
        self._dialer = dialer
        self._link = link
        self._number = number
        self._dialing: Dialing | None = None
        self.stream = Stream(link, number)
        self.on_connected: Callable[[socket.socket], object] | None = None
        """Called when the target has accepted, before anything is sent there."""
        self.between: Callable[[socket.socket], socket.socket] | None = None
        """Gives the stream another socket than the target's."""
        self.on_end: OnEnd | None = None
        """Called once, when the stream is over."""

    def go(self, target: Target) -> None:
        """Connect to ``target``."""
        self.stream.on_end = self.ended
        dialing = self._dialer.dial(target, self)
        if not dialing.over:
            self._dialing = dialing

    def connected(self, sock: socket.socket) -> None:
        """See ``dial.Guest``."""
        self._dialing = None
        if self.on_connected is not None:
            self.on_connected(sock)
        self._link.say_opened(self._number, self._dialer.patience)
        self.stream.attach(self.between(sock) if self.between else sock, watched=True)

    def unreachable(self, errno: int) -> None:
        """See ``dial.Guest``."""
        self._dialing = None
        self.stream.abort(errno)

    def ended(self, end: End) -> None:
        """The stream is over, by whatever cause."""
        if self._dialing is not None:
            self._dialing.cancel()
        if self.on_end is not None:
            self.on_end(end)
