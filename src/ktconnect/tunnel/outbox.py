"""Who may send next on a pipe.

Streams are read only when the pipe takes bytes, so nothing queues up here but what can't wait:
control frames, which overtake everything, and a bounded number of datagrams. When the pipe is
full, streams that have something park and get their turn one chunk at a time, those that have
little before those that have much.
"""

import math
from collections import deque
from typing import Final, Protocol

from ktconnect.wire.frames import HEADER, HEADER_SIZE, Kind

from .loop import Callback, Loop
from .pipe import HEADROOM, Pipe

CHUNK: Final = 128 * 1024
"""The largest piece of a stream in one frame: a turn in the rotation."""

PATIENCE: Final = 0.0005
"""Seconds that a frame which nobody waits for yet may wait for a companion."""

THIS_ROUND: Final = 0.0
"""The same for a frame that somebody waits for: those of one round of the loop leave together."""

UNASKED: Final = 0.01
"""The same for a frame that hardly anybody ever waits for."""

COMPANY: Final = 512
"""Bytes of such frames that may wait."""

CONTROL_LIMIT: Final = 4 * 1024 * 1024
"""Control frames that may wait; a peer that makes us queue more does not read."""

DATAGRAM_LIMIT: Final = 256 * 1024
"""Datagrams that may wait; more are dropped, as a full line drops them."""

TURNS: Final = 16
"""Turns in one go, before other sockets are looked at."""

QUICK_TURNS: Final = 8
"""Turns of those with little before one of those with much."""

_START: Final = HEADROOM + COMPANY
_PAYLOAD: Final = _START + HEADER_SIZE
_CAPACITY: Final = HEADER_SIZE + CHUNK


class Sender(Protocol):
    """Something that has bytes for the pipe and waits for its turn."""

    @property
    def bulky(self) -> bool:
        """It filled its last turn: it has much to send."""

    def pump(self) -> bool:
        """Send one chunk. True: there is more, give me another turn."""


class Outbox:
    """The sending half of a link."""

    __slots__ = (
        "_bulk", "_closed", "_control", "_corked", "_datagrams", "_datagrams_first",
        "_datagrams_size", "_due", "_full", "_loop", "_overflow", "_pipe", "_quick",
        "_quick_turns", "_serving", "_tx", "blocked", "bytes_sent", "payload",
    )  # fmt: skip

    def __init__(self, loop: Loop, pipe: Pipe, overflow: Callback) -> None:
        """``overflow`` is called, soon, when the peer lets too many control frames wait."""
        self._loop = loop
        self._pipe = pipe
        self._overflow = overflow
        self._tx = bytearray(_PAYLOAD + CHUNK + HEADER_SIZE)
        self.payload = memoryview(self._tx)[_PAYLOAD : _PAYLOAD + CHUNK]
        """Where a stream puts the chunk that ``send_payload`` sends."""
        self._control = bytearray()
        self._datagrams: deque[bytes] = deque()
        self._datagrams_size = 0
        self._datagrams_first = True
        self._quick: deque[Sender] = deque()
        self._bulk: deque[Sender] = deque()
        self._quick_turns = 0
        self._corked = False
        self._due = math.inf
        self._serving = False
        self._full = False
        self._closed = False
        self.blocked = False
        """Don't send: park."""
        self.bytes_sent = 0

    @property
    def waiting(self) -> int:
        """Bytes of control frames and datagrams that wait for the pipe."""
        return len(self._control) + self._datagrams_size

    def send_control(self, frame: bytes) -> None:
        """Send a small frame before all data; corked, together with its neighbours."""
        if not (self._corked or self._full):
            size = len(frame)
            self._tx[_START : _START + size] = frame
            self._send(size)
            return
        if self._closed:
            return
        self._control += frame
        if len(self._control) > CONTROL_LIMIT:
            self._control.clear()
            self._loop.call_soon(self._overflow)

    def send_soon(self, frame: bytes, patience: float = PATIENCE) -> None:
        """Send a small frame, in order, with the next one if that comes within ``patience`` s.

        Each message costs every program on the way its share, so the opening of a stream leaves
        with its first bytes, and the end of a stream that is over at the other side with others.
        """
        if self._corked or self._full or len(self._control) + len(frame) > COMPANY:
            self.send_control(frame)
            return
        self._control += frame
        due = self._loop.time() + patience
        if due < self._due:
            self._due = due
            self._loop.call_later(patience, self._send_held)

    def send_datagram(self, frame: bytes) -> bool:
        """Send a frame that may be dropped; False if it was."""
        if self._datagrams_size + len(frame) > DATAGRAM_LIMIT or self._closed:
            return False
        self._datagrams.append(frame)
        self._datagrams_size += len(frame)
        if not (self._corked or self._full):
            self._flush_datagrams()
        return True

    def send_payload(self, stream: int, size: int) -> None:
        """Send the first ``size`` bytes of ``payload`` as data of ``stream``."""
        HEADER.pack_into(self._tx, _START, size, stream)
        self._send(HEADER_SIZE + size)

    def send_last_payload(self, stream: int, size: int) -> None:
        """The same, and EOF with it."""
        HEADER.pack_into(self._tx, _START, size, stream)
        HEADER.pack_into(self._tx, _PAYLOAD + size, Kind.EOF << 24, stream)
        self._send(2 * HEADER_SIZE + size)

    def park(self, sender: Sender) -> None:
        """Give ``sender`` a turn when the pipe takes bytes again."""
        (self._bulk if sender.bulky else self._quick).append(sender)

    def cork(self) -> None:
        """Hold small frames back until ``uncork``: the answers to one read leave together."""
        self._flush_control()
        self._corked = True

    def uncork(self) -> None:
        """Send what was held back."""
        self._corked = False
        if self._control:
            self._flush_control()
        if self._datagrams:
            self._flush_datagrams()

    def resume(self) -> None:
        """The pipe takes bytes again."""
        if not self._closed:
            self._full = False
            self._flush_control()
            self._serve()

    def close(self) -> None:
        """Forget everything; nothing is sent any more."""
        self._closed = self._full = self.blocked = True
        self._control.clear()
        self._datagrams.clear()
        self._quick.clear()
        self._bulk.clear()

    def _send(self, size: int) -> None:
        """Send what stands at ``_START``, behind the frames that wait for company."""
        start = _START
        if 0 < len(self._control) <= COMPANY:
            start -= len(self._control)
            self._tx[start:_START] = self._control
            self._control.clear()
        self._put(start, _START + size)

    def _put(self, start: int, end: int) -> None:
        self.bytes_sent += end - start
        if not self._pipe.send(self._tx, start, end):
            self._full = self.blocked = True

    def _send_held(self) -> None:
        self._due = math.inf
        self._flush_control()

    def _flush_control(self) -> None:
        while self._control and not self._full:
            size = min(len(self._control), _CAPACITY)
            self._tx[_START : _START + size] = self._control[:size]
            del self._control[:size]
            self._put(_START, _START + size)

    def _flush_datagrams(self) -> None:
        sent = 0
        while self._datagrams and not self._full and sent < CHUNK:
            frame = self._datagrams.popleft()
            self._datagrams_size -= len(frame)
            self._tx[_START : _START + len(frame)] = frame
            self._send(len(frame))
            sent += len(frame)

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
        return bool(self._quick or self._bulk or self._datagrams)

    def _take_turn(self) -> None:
        """Datagrams and streams alternate, so that neither starves the other."""
        streams = bool(self._quick or self._bulk)
        if self._datagrams and (self._datagrams_first or not streams):
            self._datagrams_first = False
            self._flush_datagrams()
            return
        self._datagrams_first = True
        sender = self._next()
        if sender.pump():
            self.park(sender)

    def _next(self) -> Sender:
        if self._quick and (not self._bulk or self._quick_turns < QUICK_TURNS):
            self._quick_turns += 1
            return self._quick.popleft()
        self._quick_turns = 0
        return self._bulk.popleft()
