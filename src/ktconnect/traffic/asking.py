"""One request on a connection of its own: the bytes to send, and the answer out of what comes."""

from typing import Final

import h11

from ktconnect.errors import UsageError

from .exchange import Answer, Headers, Request, header
from .growing import Growing, headers_of

HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "http2-settings", "expect", "content-length"),
    }
)
"""What is of one connection alone (RFC 9110 §7.6.1), or of how a body was sent on it."""


class BadAnswer(Exception):
    """What came is no HTTP/1.1, or not all of an answer; says so."""


class Asking:
    """``to_send``: the whole request, with a body of known length, on a connection that ends.

    Raises: UsageError for a request that HTTP/1.1 can't say.
    """

    def __init__(self, request: Request) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._answer: Answer | None = None
        self._body = Growing()
        try:
            self.to_send = self._said(request)
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise UsageError(
                f"{request.method} {request.target} can't be sent: {error}",
                hint="HTTP/1.1 takes ASCII in methods, targets and names of headers",
            ) from None

    def more(self) -> bytes:
        """What is to be sent by what has come: nothing."""
        return b""

    def heard(self, data: bytes) -> Answer | None:
        """Take what came; empty at the end. The answer, once it is whole.

        Raises: BadAnswer.
        """
        try:
            self._http.receive_data(data)
            return self._read()
        except h11.RemoteProtocolError as error:
            closed = not data and self._answer is None
            why = "the connection was closed without an answer" if closed else str(error)
            raise BadAnswer(why) from None

    def _said(self, request: Request) -> bytes:
        headers = [pair for pair in request.headers if pair[0].lower() not in HOP]
        headers.append(("Connection", "close"))
        if request.body.data or request.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(request.body.data))))
        head = h11.Request(method=request.method, target=request.target, headers=_coded(headers))
        parts = [self._http.send(head)]
        if request.body.data:
            parts.append(self._http.send(h11.Data(data=request.body.data)))
        parts.append(self._http.send(h11.EndOfMessage()))
        return b"".join(part for part in parts if part)

    def _read(self) -> Answer | None:
        while isinstance(event := self._http.next_event(), h11.Event):
            match event:
                case h11.Response():
                    self._answer = Answer(
                        event.status_code,
                        headers_of(event),
                        reason=event.reason.decode("latin-1"),
                        version=f"HTTP/{event.http_version.decode()}",
                    )
                case h11.Data():
                    self._body.more(event.data)
                case h11.EndOfMessage():
                    return self._whole()
                case _:
                    pass
        return None

    def _whole(self) -> Answer:
        assert self._answer is not None, "h11 tells the head before the end"
        known = self._answer
        return Answer(known.status, known.headers, self._body.body(), known.reason, known.version)


def _coded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers]


def replaced(headers: Headers, name: str, value: str) -> Headers:
    """With that header once, and with that value."""
    kept = tuple(pair for pair in headers if pair[0].lower() != name.lower())
    return (*kept, (name, value))


def readable(headers: Headers) -> Headers:
    """Asking for codings alone that can be undone here, where it asks for others, too."""
    asked = header(headers, "accept-encoding")
    if not asked:
        return headers
    codings = [each.strip() for each in asked.split(",")]
    known = [each for each in codings if each.partition(";")[0] in ("gzip", "deflate", "identity")]
    return replaced(headers, "Accept-Encoding", ", ".join(known) or "identity")
