"""What a link says: the frames that it sends, each by what it means."""

from typing import TYPE_CHECKING

from ktconnect.wire.frames import MAX_DATAGRAM, Kind, encode, encode_number

from .outbox import PATIENCE, Outbox
from .pings import Pings

if TYPE_CHECKING:
    from collections.abc import Callable


class Saying:
    """The speaking part of a ``link.Link``. A frame leaves with others of its round."""

    def __init__(self, outbox: Outbox, pings: Pings, first: int) -> None:
        """``first``: the number of the first stream that is opened here."""
        self.outbox = outbox
        self.pings = pings
        self._next = first

    def ping(self, answered: "Callable[[float], object] | None" = None) -> None:
        """Ask the peer for a sign of life; ``answered`` is called with the round trip."""
        self.outbox.send_control(encode(Kind.PING, 0, self.pings.sent(answered)))

    def open(self, wanted: object, patience: float = PATIENCE) -> int:
        """The number of a new stream for ``wanted``, a Target or a Call, which is sent as text.

        Data may follow at once; if it does within ``patience`` s, it leaves together with this.
        """
        number = self._next
        self._next += 2
        self.outbox.send_soon(encode(Kind.OPEN, number, str(wanted).encode()), patience)
        return number

    def say_opened(self, number: int, patience: float) -> None:
        """The target of a stream that the peer opened has accepted. ``patience`` as above."""
        self.outbox.send_soon(encode(Kind.OPENED, number), patience)

    def send_eof(self, number: int, *, soon: bool = False) -> None:
        """No more data follows on this stream. ``soon``: nobody waits for it."""
        frame = encode(Kind.EOF, number)
        (self.outbox.send_soon if soon else self.outbox.send_control)(frame)

    def refuse(self, number: int, errno: int) -> None:
        """Reset a stream, giving the reason."""
        self.outbox.send_control(encode_number(Kind.RESET, number, errno))

    def grant(self, number: int, credit: int) -> None:
        """Allow ``credit`` more bytes."""
        self.outbox.send_control(encode_number(Kind.WINDOW, number, credit))

    def send_datagram(self, number: int, payload: bytes) -> bool:
        """Send one message; False if it was dropped (the pipe is full, or it is too long)."""
        if len(payload) > MAX_DATAGRAM:
            return False
        return self.outbox.send_datagram(encode(Kind.DATAGRAM, number, payload))
