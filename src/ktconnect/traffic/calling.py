"""One call of gRPC on a connection of its own: the bytes to send, and the answer out of what comes.

By HTTP/2 that both know beforehand (RFC 9113 §3.3); as `asking` does for HTTP/1.1.
"""

from dataclasses import replace
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

from ktconnect.errors import UsageError

from .asking import HOP, BadAnswer
from .exchange import Answer, Headers, Request, header, regular
from .frames import error_name
from .growing import Growing
from .http2 import VERSION

STREAM: Final = 1
"""The first that a caller may open, and here the only one (§5.1.1)."""

ROOM: Final = 2**31 - 1 - 65_535
"""Bytes that the answer may have before we say more: all that a window can be (§6.9.1)."""


class Calling:
    """``to_send``: the beginning of the call; ``more`` what is to follow it."""

    def __init__(self, request: Request, scheme: str = "http") -> None:
        """``scheme``: ``https`` inside TLS; some servers refuse a call that says otherwise.

        Raises: UsageError for a request that HTTP/2 can't say.
        """
        self._http = H2Connection(H2Configuration(header_encoding="latin-1"))
        self._rest = request.body.data
        self._answer: Answer | None = None
        self._body = Growing()
        try:
            self._http.initiate_connection()
            self._http.increment_flow_control_window(ROOM)
            self._http.send_headers(STREAM, _said(request, scheme), end_stream=not self._rest)
            self._http.increment_flow_control_window(ROOM, STREAM)
            self._send()
        except (H2Error, UnicodeEncodeError) as error:
            raise UsageError(
                f"{request.method} {request.target} can't be sent: {error}",
                hint="is it a call of gRPC as HTTP/2 has them?",
            ) from None
        self.to_send = self._http.data_to_send()

    def more(self) -> bytes:
        """What is to be sent by what has come, and as far as the other side takes it."""
        return self._http.data_to_send()

    def heard(self, data: bytes) -> Answer | None:
        """Take what came; empty at the end. The answer, once it is whole.

        Raises: BadAnswer.
        """
        if not data:
            raise BadAnswer("the connection was closed without an answer")
        if data.startswith(b"HTTP/1."):
            raise BadAnswer("it speaks HTTP/1.1 there, which gRPC does not")
        try:
            events = self._http.receive_data(data)
            if any(self._take(event) for event in events):
                assert self._answer is not None, "h2 tells the head before the end"
                return replace(self._answer, body=self._body.body())
            self._send()
        except H2Error as error:
            raise BadAnswer(str(error)) from None
        return None

    def _send(self) -> None:
        """As much of the body as there is room for."""
        while self._rest:
            window = self._http.local_flow_control_window(STREAM)
            room = min(window, self._http.max_outbound_frame_size)
            if room <= 0:
                return
            part, self._rest = self._rest[:room], self._rest[room:]
            self._http.send_data(STREAM, part, end_stream=not self._rest)

    def _take(self, event: Event) -> bool:
        """Whether the answer is whole by it. Raises: BadAnswer."""
        match event:
            case ResponseReceived():
                pairs = _pairs(event)
                self._answer = Answer(
                    int(header(pairs, ":status")), regular(pairs), version=VERSION
                )
            case TrailersReceived() if self._answer is not None:
                self._answer = replace(self._answer, trailers=_pairs(event))
            case DataReceived():
                self._body.more(event.data)
            case StreamReset():
                raise BadAnswer(f"the call was reset: {_name(event.error_code)}")
            case ConnectionTerminated() if event.error_code != ErrorCodes.NO_ERROR:
                raise BadAnswer(f"the connection was ended: {_name(event.error_code)}")
            case _:
                pass
        return isinstance(event, StreamEnded)


def _said(request: Request, scheme: str) -> list[tuple[str, str]]:
    """gRPC wants to hear that trailers are understood."""
    kept = [
        (name.lower(), value)
        for name, value in request.headers
        if name.lower() not in HOP | {"host"}
    ]
    return [
        (":method", request.method),
        (":scheme", scheme),
        (":authority", header(request.headers, "host")),
        (":path", request.target),
        *kept,
        ("te", "trailers"),
    ]


def _pairs(event: ResponseReceived | TrailersReceived) -> Headers:
    return tuple((str(name), str(value)) for name, value in event.headers or ())


def _name(code: ErrorCodes | int | None) -> str:
    return error_name(int(code or 0))
