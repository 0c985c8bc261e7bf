"""Who may send next on a pipe, and what leaves together.

Streams are read only when the pipe takes bytes, so nothing queues up here but what can't wait:
control frames, which overtake everything, and a bounded number of datagrams. When the pipe is
full, streams that have something park and get their turn one chunk at a time.

Each message costs every program on the way its share, so small frames of one round of the loop, of
all streams, leave in one message. Bulk is sent from where it was read to, without a copy.
"""

import math
from typing import Final

from ktconnect.wire.frames import HEADER, HEADER_SIZE, Kind

from .loop import Callback, Loop
from .pipe import HEADROOM, Pipe
from .turns import Sender, Turns
from .waiting import Datagrams

CHUNK: Final = 128 * 1024
"""The largest piece of a stream in one frame: a turn in the rotation."""

PATIENCE: Final = 0.0005
"""Seconds that a frame which nobody waits for yet may wait for a companion."""

UNASKED: Final = 0.01
"""The same for a frame that hardly anybody ever waits for."""

THIS_ROUND: Final = 0.0
"""The same for a frame that somebody waits for: it leaves with those of its round."""

SMALL: Final = 4 * 1024
"""Data of at most so many bytes is copied, to leave with the other frames of its round."""

COMPANY: Final = 16 * 1024
"""Bytes of small frames that may wait while the pipe is not full."""

CONTROL_LIMIT: Final = 4 * 1024 * 1024
"""Control frames that may wait; a peer that makes us queue more does not read."""

TURNS: Final = 16
"""Turns in one go, before other sockets are looked at."""

_START: Final = HEADROOM + COMPANY
_PAYLOAD: Final = _START + HEADER_SIZE
_CAPACITY: Final = HEADER_SIZE + CHUNK


class Outbox:
    """The sending half of a link.

    While the pipe is not full, ``_small`` holds at most ``COMPANY``: there is always room for it in
    front of the payload that a stream is about to send.
    """

    __slots__ = (
        "_closed", "_corked", "_datagrams", "_datagrams_first", "_due", "_full",
        "_leaving", "_loop", "_overflow", "_patience", "_pipe", "_serving", "_small",
        "_turns", "_tx", "blocked", "bytes_sent", "payload",
    )  # fmt: skip

    def __init__(self, loop: Loop, pipe: Pipe, overflow: Callback) -> None:
        """``overflow`` is called, soon, when the peer lets too many control frames wait."""
        self._loop = loop
        self._pipe = pipe
        self._overflow = overflow
        self._tx = bytearray(_PAYLOAD + CHUNK + HEADER_SIZE)
        self.payload = memoryview(self._tx)[_PAYLOAD : _PAYLOAD + CHUNK]
        """Where a stream puts the chunk that ``send_payload`` sends."""
        self._small = bytearray()
        self._datagrams = Datagrams()
        self._datagrams_first = True
        self._turns = Turns()
        self._corked = self._leaving = self._serving = self._full = self._closed = False
        self._due = self._patience = math.inf
        self.blocked = False
        """Don't send: park."""
        self.bytes_sent = 0

    @property
    def waiting(self) -> int:
        """Bytes of small frames and datagrams that wait for the pipe."""
        return len(self._small) + self._datagrams.size

    def send_control(self, frame: bytes) -> None:
        """Send a small frame, in order, with those of this round and before all bulk."""
        self._small += frame
        if not self._full:
            self._leave()
        elif self._closed or len(self._small) > CONTROL_LIMIT:
            self._small.clear()
            if not self._closed:
                self._loop.call_soon(self._overflow)

    def send_soon(self, frame: bytes, patience: float = PATIENCE) -> None:
        """Send a small frame, in order, with the next one if that comes within ``patience`` s.

        So the opening of a stream leaves with its first bytes, and the end of a stream that is over
        at the other side with others.
        """
        if self._full or self._leaving or not patience:
            self.send_control(frame)
            return
        self._small += frame
        if len(self._small) > COMPANY:
            self._flush()
        elif patience < self._patience:
            self._patience = patience
            if not self._corked:
                self._loop.call_soon(self._round_over)

    def send_datagram(self, frame: bytes) -> bool:
        """Send a frame that may be dropped; False if it was."""
        if self._closed or not self._datagrams.add(frame):
            return False
        if not self._full:
            self._leave()
        return True

    def send_payload(self, stream: int, size: int, then: bytes = b"") -> None:
        """Send the first ``size`` bytes of ``payload`` as data of ``stream``, and a frame after."""
        if size <= SMALL:
            self._small += HEADER.pack(size, stream)
            self._small += self.payload[:size]
            self._small += then
            self._leave()
            return
        HEADER.pack_into(self._tx, _START, size, stream)
        end = _PAYLOAD + size
        self._tx[end : end + len(then)] = then
        self._send(HEADER_SIZE + size + len(then))

    def send_last_payload(self, stream: int, size: int) -> None:
        """The same, and EOF with it."""
        self.send_payload(stream, size, HEADER.pack(Kind.EOF << 24, stream))

    def park(self, sender: Sender) -> None:
        """Give ``sender`` a turn when the pipe takes bytes again."""
        self._turns.add(sender)

    def cork(self) -> None:
        """Hold small frames back until ``uncork``: the answers to one read leave together."""
        self._corked = True

    def uncork(self) -> None:
        """Send what somebody waits for."""
        self._corked = False
        self._round_over()

    def resume(self) -> None:
        """The pipe takes bytes again."""
        if not self._closed:
            self._full = False
            self._flush()
            self._serve()

    def close(self) -> None:
        """Send what was said before, if the pipe takes it; forget everything else."""
        self._flush()
        self._closed = self._full = self.blocked = True
        self._small.clear()
        self._datagrams.clear()
        self._turns.clear()

    # -- what leaves together

    def _leave(self) -> None:
        """What is held leaves at the end of this round, or of this read, if it is corked."""
        if len(self._small) > COMPANY:
            self._flush()
        elif not self._leaving:
            self._leaving = True
            if not self._corked:
                self._loop.call_soon(self._round_over)

    def _round_over(self) -> None:
        if self._corked:
            return
        patience, self._patience = self._patience, math.inf
        if self._leaving:
            self._leaving = False
            while self._datagrams and not self._full:
                self._flush_datagrams()
            self._flush()
        elif self._small and (due := self._loop.time() + patience) < self._due:
            # no company came in this round; a timer costs more than most of these waits save
            self._due = due
            self._loop.call_later(patience, self._patience_over)

    def _patience_over(self) -> None:
        self._due = math.inf
        self._flush()

    def _flush(self) -> None:
        while self._small and not self._full:
            size = min(len(self._small), _CAPACITY)
            self._tx[_START : _START + size] = self._small[:size]
            del self._small[:size]
            self._put(_START, _START + size)

    def _flush_datagrams(self) -> None:
        """As many as fit, in one message."""
        self._send(self._datagrams.pack(self._tx, _START, CHUNK))

    def _send(self, size: int) -> None:
        """Send what stands at ``_START``, behind the small frames that are held."""
        start = _START
        if self._small:
            start -= len(self._small)
            self._tx[start:_START] = self._small
            self._small.clear()
        self._put(start, _START + size)

    def _put(self, start: int, end: int) -> None:
        self.bytes_sent += end - start
        if not self._pipe.send(self._tx, start, end):
            self._full = self.blocked = True

    # -- who may send

    def _serve(self) -> None:
        """Give all who wait their turns until the pipe is full."""
        turns = TURNS
        while turns and not self._full and self._anyone_waits():
            turns -= 1
            self._take_turn()
        if self._full:
            return
        self.blocked = self._anyone_waits()
        if self.blocked and not self._serving:
            self._serving = True
            self._loop.call_soon(self._serve_on)

    def _serve_on(self) -> None:
        self._serving = False
        if not self._full:
            self._serve()

    def _anyone_waits(self) -> bool:
        return bool(self._turns or self._datagrams)

    def _take_turn(self) -> None:
        """Datagrams and streams alternate, so that neither starves the other."""
        if self._datagrams and (self._datagrams_first or not self._turns):
            self._datagrams_first = False
            self._flush_datagrams()
            return
        self._datagrams_first = True
        self._turns.take()
