"""Reading along on one HTTP/1.1 connection: bytes in, exchanges out. Nothing is changed by it.

h11 is fed with what both sides send, once as the server that the caller talks to and once as the
client that the server talks to. Whatever it can't make sense of ends the reading, never the
connection: other bytes than HTTP/1.1's may pass after an upgrade, or from the start.
"""

from collections.abc import Iterator
from dataclasses import replace

import h11

from .exchange import KEPT, Answer, Exchange, Headers, Request
from .growing import Growing, headers_of


class Http1:
    """One connection. ``now`` of every method is POSIX time, in seconds."""

    def __init__(self) -> None:
        self._caller = h11.Connection(h11.SERVER, max_incomplete_event_size=KEPT)
        self._server = h11.Connection(h11.CLIENT, max_incomplete_event_size=KEPT)
        self._request: Request | None = None
        self._answer: Answer | None = None
        self._bodies = Growing(), Growing()
        self._began = 0.0
        self._early = b""
        self.lost = ""
        """Why it can't be read any further; "" while it can."""

    @property
    def pending(self) -> bool:
        """Whether a request waits for its answer."""
        return self._request is not None

    def requested(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the caller; empty at their end. The exchanges that are whole by that."""
        return self._read(self._caller, data, now)

    def answered(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the server; empty at their end."""
        if self._request is None:  # before the question: it is told once that has been seen
            self._early += data[: KEPT - len(self._early)]
            return []
        return self._read(self._server, data, now)

    def abandoned(self, why: str, now: float) -> list[Exchange]:
        """The connection is over; what becomes of a request that has no whole answer."""
        request, self._request = self._request, None
        if request is None:
            return []
        asked = replace(request, body=self._bodies[0].body())
        return [Exchange(asked, None, self._began, now - self._began, why)]

    def _read(self, side: h11.Connection, data: bytes, now: float) -> list[Exchange]:
        if self.lost:
            return []
        try:
            side.receive_data(data)
            return [*self._events(now)]
        except h11.ProtocolError as error:
            self.lost = str(error)
            return []

    def _events(self, now: float) -> Iterator[Exchange]:
        """All that can be read now: the end of an answer may set free the next request."""
        while True:
            asked = self._next(self._caller)
            if asked is not None:
                self._take_request(asked, now)
                continue
            answered = self._next(self._server) if self._request is not None else None
            if answered is None:
                return
            self._take_answer(answered)
            if isinstance(answered, h11.EndOfMessage):
                yield self._end(headers_of(answered), now)

    def _next(self, side: h11.Connection) -> h11.Event | None:
        event = side.next_event()
        if isinstance(event, h11.ConnectionClosed):
            return None
        return event if isinstance(event, h11.Event) else None

    def _take_request(self, event: h11.Event, now: float) -> None:
        self._server.send(_passed_on(event))
        match event:
            case h11.Request():
                self._began = now
                self._bodies = Growing(), Growing()
                self._request = Request(
                    event.method.decode("latin-1"),
                    event.target.decode("latin-1"),
                    headers_of(event),
                    version=f"HTTP/{event.http_version.decode()}",
                )
                early, self._early = self._early, b""
                if early:
                    self._server.receive_data(early)
            case h11.Data():
                self._bodies[0].more(event.data)
            case _:
                pass

    def _take_answer(self, event: h11.Event) -> None:
        self._caller.send(_passed_on(event))
        match event:
            case h11.Response():
                self._answer = Answer(
                    event.status_code,
                    headers_of(event),
                    reason=event.reason.decode("latin-1"),
                    version=f"HTTP/{event.http_version.decode()}",
                )
            case h11.Data():
                self._bodies[1].more(event.data)
            case _:
                pass

    def _end(self, trailers: Headers, now: float) -> Exchange:
        assert self._request is not None, "an answer is read only after its request"
        assert self._answer is not None, "h11 tells the head before the end"
        request = replace(self._request, body=self._bodies[0].body())
        answer = replace(self._answer, body=self._bodies[1].body(), trailers=trailers)
        self._request = self._answer = None
        self._begin_anew()
        return Exchange(request, answer, self._began, now - self._began)

    def _begin_anew(self) -> None:
        for side in (self._caller, self._server):
            if side.our_state is h11.DONE and side.their_state is h11.DONE:
                side.start_next_cycle()


def _passed_on(event: h11.Event) -> h11.Event:
    """As h11 sends it, which is by HTTP/1.1 alone."""
    match event:
        case h11.Request(http_version=b"1.0"):
            hosts = [] if any(name == b"host" for name, _ in event.headers) else [(b"host", b"")]
            headers = [*event.headers, *hosts]
            return h11.Request(method=event.method, target=event.target, headers=headers)
        case h11.Response(http_version=b"1.0"):
            return h11.Response(status_code=event.status_code, headers=event.headers)
        case _:
            return event
