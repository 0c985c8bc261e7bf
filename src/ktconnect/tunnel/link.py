"""One pipe carrying many streams. Symmetric: either side may open, the laptop odd numbers.

A link owns its pipe and everything on it: when it ends, its streams are reset.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from ktconnect.errors import ProtocolError, UsageError
from ktconnect.wire.frames import (
    HEADER_SIZE,
    LENGTHS,
    FrameParser,
    Kind,
    decode_number,
    encode,
)
from ktconnect.wire.hello import Door, HelloRefused
from ktconnect.wire.reasons import Reason
from ktconnect.wire.window import Budget

from .loop import Loop
from .member import LinkEvents, Member
from .outbox import Outbox
from .pings import Pings
from .pipe import Pipe
from .saying import Saying

LAST_NUMBER: Final = 2**32 - 1
PING_SIZE: Final = HEADER_SIZE + LENGTHS[Kind.PING][1]
MAX_STREAMS: Final = 65_536
"""Streams of the peer's making that a link carries at once."""

WORN: Final = 0.9
"""The part of a link's stream numbers after which another link should take its place."""


class Role(IntEnum):
    """Which end we are; the value is our first stream number."""

    LAPTOP = 1
    AGENT = 2


OnOpen = Callable[["Link", int, str], None]
"""The peer opened a stream, saying what for (a Target, or a Call): ``link.add`` a member for it, or
``link.refuse`` it. A UsageError that is raised refuses it."""


class Link(Saying):
    """See above. Implements ``pipe.PipeEvents``. Closes: the pipe."""

    def __init__(
        self, loop: Loop, pipe: Pipe, role: Role, events: LinkEvents, *, budget: Budget
    ) -> None:
        super().__init__(Outbox(loop, pipe, self._overflown), Pings(loop.time), int(role))
        self.loop = loop
        self.budget = budget
        self.bytes_received = 0
        self.heard = loop.time()
        """When the peer was last heard of, on the loop's clock. A lone ping of its own does not
        count: it would come though none of ours gets through."""
        self.on_open: OnOpen | None = None
        """Whoever answers streams that the peer opens; None: they are refused."""
        self._pipe = pipe
        self._role = role
        self._events = events
        self._door: Door | None = None
        self._parser = FrameParser()
        self._members: dict[int, Member] = {}
        self._last_of_peer = 0
        self._closed = False

    @property
    def streams(self) -> int:
        """How many streams and flows it carries."""
        return len(self._members)

    @property
    def closed(self) -> bool:
        """It is over."""
        return self._closed

    @property
    def greeted(self) -> bool:
        """The hello went well, and it is not over."""
        return self._door is None and not self._closed

    @property
    def age(self) -> float:
        """The part of its stream numbers that is used up at either end, 0 to 1: numbers are never
        used twice."""
        return max(self._next, self._last_of_peer) / LAST_NUMBER

    def start(self, door: Door) -> None:
        """Begin with the greeting."""
        self._door = door
        self._pipe.start(self)
        if door.knock:
            self.outbox.send_control(door.knock)

    def add(self, number: int, member: Member) -> None:
        """Hand what arrives for ``number`` to ``member``."""
        self._members[number] = member

    def forget(self, number: int) -> None:
        """The stream is over on our side; what still arrives for it is dropped."""
        self._members.pop(number, None)

    def close(self) -> None:
        """End the link: all its streams are reset. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self.outbox.close()
        self._pipe.close()
        members = list(self._members.values())
        self._members.clear()
        for member in members:
            member.reset(Reason.ECONNABORTED)

    def fail(self, error: Exception | str) -> None:
        """End the link and tell its owner why."""
        if not self._closed:
            self.close()
            self._events.closed(self, error)

    # -- pipe.PipeEvents

    def data_received(self, data: memoryview) -> None:
        """See ``pipe.PipeEvents``."""
        if self._closed:
            return
        if len(data) != PING_SIZE or data[0] != Kind.PING:
            self.heard = self.loop.time()
        self.bytes_received += len(data)
        self.outbox.cork()
        try:
            rest = data if self._door is None else self._greet(self._door, data)
            self._take_frames(rest)
        except HelloRefused as error:
            self._say_farewell(error)
        except ProtocolError as error:
            self.fail(error)
        else:
            self.outbox.uncork()

    def resume_writing(self) -> None:
        """See ``pipe.PipeEvents``."""
        self.outbox.resume()

    def pipe_lost(self, reason: str) -> None:
        """See ``pipe.PipeEvents``."""
        self.fail(reason)

    # -- what arrives

    def _greet(self, door: Door, data: memoryview) -> memoryview:
        greeted = door.feed(data)
        if greeted is None:
            return data[:0]
        self._door = None
        if greeted.reply:
            self.outbox.send_control(greeted.reply)
        self.ping()
        self._events.greeted(self, greeted.facts)
        return greeted.rest

    def _take_frames(self, data: memoryview) -> None:
        members = self._members
        for kind, number, payload in self._parser.feed(data):
            if self._closed:
                return
            member = members.get(number)
            if member is None:
                self._without_member(kind, number, payload)
                continue
            try:
                if kind == 0:
                    member.data(payload)
                else:
                    self._dispatch(member, kind, number, payload)
            except ProtocolError:
                raise
            except Exception as error:  # noqa: BLE001 - the other streams are not to suffer
                self._broke(member, number, error)

    def _broke(self, member: Member, number: int, error: Exception) -> None:
        """A defect of ours ends one stream and is told, not the link with all the others."""
        context = {"message": f"on stream {number}", "exception": error}
        self.loop.call_exception_handler(context)
        self.forget(number)
        self.refuse(number, Reason.ECONNABORTED)
        member.reset(Reason.ECONNABORTED)

    def _dispatch(self, member: Member, kind: int, number: int, payload: memoryview) -> None:
        if kind == Kind.WINDOW:
            member.granted(decode_number(payload))
        elif kind == Kind.EOF:
            member.eof()
        elif kind == Kind.RESET:
            self.forget(number)
            member.reset(decode_number(payload))
        elif kind == Kind.DATAGRAM:
            member.datagram(payload)
        elif kind == Kind.OPENED and number % 2 == self._role % 2:
            member.opened()
        else:
            raise ProtocolError(f"{Kind(kind).name} on stream {number}")

    def _without_member(self, kind: int, number: int, payload: memoryview) -> None:
        """PING and PONG, new streams, and what was under way when a stream ended here."""
        if kind == Kind.OPEN:
            self._opened(number, bytes(payload))
        elif kind == Kind.PING:
            self.outbox.send_control(encode(Kind.PONG, 0, bytes(payload)))
        elif kind == Kind.PONG:
            self.pings.answered(bytes(payload))

    def _opened(self, number: int, text: bytes) -> None:
        if number <= self._last_of_peer or number % 2 == self._role % 2:
            raise ProtocolError(f"stream {number} can't be opened by the other side")
        self._last_of_peer = number
        if self.on_open is None:
            self.refuse(number, Reason.EPERM)
        elif len(self._members) >= MAX_STREAMS:
            self.refuse(number, Reason.ENFILE)
        else:
            self._open_to(self.on_open, number, text)

    def _open_to(self, on_open: OnOpen, number: int, text: bytes) -> None:
        try:
            on_open(self, number, text.decode("ascii", "replace"))
        except UsageError:
            self.refuse(number, Reason.EINVAL)

    # -- ends

    def _say_farewell(self, error: HelloRefused) -> None:
        if error.farewell:
            self.outbox.send_control(error.farewell)
            self.outbox.uncork()
        self.fail(error)

    def _overflown(self) -> None:
        self.fail("the other side does not read")
