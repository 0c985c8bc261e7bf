"""Flows of datagrams, the opening side: messages to one target, over a link, and back.

An ICMP echo message is the 16-bit identifier and sequence number, then the payload; requests go
one way, replies come the other.
"""

import struct
from typing import TYPE_CHECKING, Final, Protocol

from ktconnect.errors import ProtocolError

from .link import Link

if TYPE_CHECKING:
    from .loop import Callback

ECHO: Final = struct.Struct(">HH")
"""Identifier and sequence number in front of an echo's payload."""


class DatagramEvents(Protocol):
    """Who hears of a flow."""

    def datagram_received(self, data: bytes) -> None:
        """One message of the target."""

    def flow_closed(self, errno: int) -> None:
        """The flow is over; nothing follows. 0: it was idle, else why (a Linux errno)."""


class DatagramFlow:
    """Messages to one target. Open a new one when it has closed. Implements ``member.Member``.

    See ``Link.open`` for what may be wanted.
    """

    __slots__ = ("_events", "_link", "_number", "_open", "on_opened")

    def __init__(self, link: Link, wanted: object, events: DatagramEvents) -> None:
        self._link = link
        self._events = events
        self._open = True
        self.on_opened: Callback | None = None
        """Called when the target has accepted; messages may be sent without waiting for it."""
        self._number = link.open(wanted)
        link.add(self._number, self)

    def opened(self) -> None:
        """See ``member.Member``."""
        if self.on_opened is not None:
            self.on_opened()

    def send(self, data: bytes) -> bool:
        """Send one message; False if it was dropped: flow closed, pipe full, or too long."""
        return self._open and self._link.send_datagram(self._number, data)

    def close(self) -> None:
        """End the flow from our side; ``flow_closed`` is not called. Idempotent."""
        if self._open:
            self._open = False
            self._link.forget(self._number)
            self._link.refuse(self._number, 0)

    def datagram(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        self._events.datagram_received(bytes(payload))

    def reset(self, errno: int) -> None:
        """See ``member.Member``."""
        if self._open:
            self._open = False
            self._events.flow_closed(errno)

    def data(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"{len(payload)} bytes of stream data on flow {self._number}")

    def eof(self) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"EOF on flow {self._number}")

    def granted(self, credit: int) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"{credit} bytes of credit on flow {self._number}")
