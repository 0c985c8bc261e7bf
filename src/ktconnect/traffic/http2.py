"""Reading along on one HTTP/2 connection: bytes in, exchanges out. Nothing is changed by it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from .exchange import Answer, Exchange, Headers, Request, header, regular
from .frames import PREFACE, Chunk, Head, Reset, Side, Unreadable
from .growing import Growing

VERSION: Final = "HTTP/2"
BY_CALLER: Final = "the caller gave it up"


@dataclass(slots=True)
class _Stream:
    """One request and its answer, as far as they have come."""

    began: float
    request: Request
    asked: Growing
    told: Growing
    answer: Answer | None = None


class Http2:
    """One connection. ``now`` of every method is POSIX time, in seconds.

    What is no exchange passes unread: a CONNECT (WebSockets of RFC 8441), what a server pushes.
    """

    def __init__(self) -> None:
        self._caller, self._server = Side(PREFACE), Side()
        self._open: dict[int, _Stream] = {}
        self.lost = ""
        """Why it can't be read any further; "" while it can."""

    @property
    def pending(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._open)

    def requested(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the caller; empty at their end. The exchanges that are whole by that."""
        return [*self._read(self._caller, data, now)]

    def answered(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the server; empty at their end."""
        return [*self._read(self._server, data, now)]

    def abandoned(self, why: str, now: float) -> list[Exchange]:
        """The connection is over; what becomes of requests that have no whole answer."""
        return [self._failed(number, why, now) for number in [*self._open]]

    def _read(self, side: Side, data: bytes, now: float) -> Iterator[Exchange]:
        if self.lost:
            return
        take = self._asked if side is self._caller else self._told
        try:
            for said in side.more(data):
                yield from take(said, now)
        except Unreadable as error:
            self.lost = str(error)

    def _asked(self, said: Head | Chunk | Reset, now: float) -> Iterator[Exchange]:
        stream = self._open.get(said.stream)
        match said:
            case Head() if stream is None and header(said.pairs, ":method") not in ("", "CONNECT"):
                self._open[said.stream] = _Stream(now, _request(said.pairs), Growing(), Growing())
            case Chunk() if stream is not None:
                stream.asked.more(said.data)
            case Reset() if stream is not None:
                yield self._failed(said.stream, f"{BY_CALLER}: {said.why}", now)
            case _:  # trailers; what nobody waits for any more
                pass

    def _told(self, said: Head | Chunk | Reset, now: float) -> Iterator[Exchange]:
        stream = self._open.get(said.stream)
        if stream is None:
            return
        if isinstance(said, Reset):
            yield self._failed(said.stream, f"reset by the program: {said.why}", now)
            return
        if isinstance(said, Chunk):
            stream.told.more(said.data)
        else:
            stream.answer = _answer(stream.answer, said.pairs)
        if said.ends and stream.answer is not None:
            yield self._whole(said.stream, stream.answer, now)

    def _whole(self, number: int, answer: Answer, now: float) -> Exchange:
        stream = self._open.pop(number)
        request = replace(stream.request, body=stream.asked.body())
        told = replace(answer, body=stream.told.body())
        return Exchange(request, told, stream.began, now - stream.began)

    def _failed(self, number: int, why: str, now: float) -> Exchange:
        stream = self._open.pop(number)
        request = replace(stream.request, body=stream.asked.body())
        return Exchange(request, None, stream.began, now - stream.began, why)


def _request(pairs: Headers) -> Request:
    method, path = header(pairs, ":method"), header(pairs, ":path")
    return Request(method, path, regular(pairs), version=VERSION)


def _answer(known: Answer | None, pairs: Headers) -> Answer | None:
    """With one more block of headers: a head, or the trailers of one; interim ones are none."""
    if known is not None:
        return replace(known, trailers=regular(pairs))
    status = header(pairs, ":status")
    if not status.isdecimal() or status.startswith("1"):
        return None
    return Answer(int(status), regular(pairs), version=VERSION)
