"""What gRPC says over HTTP/2: how a call went, its messages.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from typing import Final

from .bodies import media_type, unpacked
from .exchange import Answer, Headers, header

STATUS: Final = "grpc-status"
OF_CALL: Final = frozenset({STATUS, "grpc-message", "grpc-status-details-bin"})
"""They say how a call went: in the trailers, or in the headers of an answer that has no more."""

CODING: Final = frozenset({"grpc-encoding", "grpc-accept-encoding"})
"""How messages are packed: as with HTTP, two programs may differ in it, and say the same."""

PREFIX: Final = 5
"""Bytes before each message: whether it is packed, and its length in four."""

CODES: Final = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
"""By their number (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md)."""


def is_grpc(headers: Headers) -> bool:
    """Whether it is one of gRPC, with messages of whatever kind: ``application/grpc+proto``."""
    return media_type(headers).partition("+")[0] == "application/grpc"


def code_of(answer: Answer) -> str:
    """``5 NOT_FOUND``; "" where gRPC has said nothing."""
    number = header(answer.trailers, STATUS) or header(answer.headers, STATUS)
    known = number.isdecimal() and int(number) < len(CODES)
    return f"{number} {CODES[int(number)]}" if known else number


def settled(answer: Answer) -> tuple[Headers, Headers]:
    """Headers and trailers, with what tells how a call went in the trailers; of gRPC alone."""
    if not is_grpc(answer.headers):
        return answer.headers, answer.trailers
    of_call = tuple(pair for pair in answer.headers if pair[0].lower() in OF_CALL)
    rest = tuple(pair for pair in answer.headers if pair[0].lower() not in OF_CALL)
    return rest, (*of_call, *answer.trailers)


def messages(headers: Headers, data: bytes) -> list[bytes] | None:
    """Each without its prefix and packing; None where it is cut short, or packed in a way that
    is not known."""
    found, coding = [], header(headers, "grpc-encoding").strip().lower()
    start = 0
    while start < len(data):
        begin = start + PREFIX
        end = begin + int.from_bytes(data[start + 1 : begin], "big")
        if end > len(data):
            return None
        plain = unpacked(coding, data[begin:end]) if data[start] else data[begin:end]
        if plain is None:
            return None
        found.append(plain)
        start = end
    return found


def shown(message: bytes, part: slice) -> str:
    """``7 bytes: \\n\\x05hello``: what is text in a message is seen, its fields are not named.

    ``part`` of it is shown, with ``…`` on each side where there is more.
    """
    if not message:
        return "0 bytes"
    before, after = ("…" if more else "" for more in (message[: part.start], message[part.stop :]))
    return f"{len(message):,} bytes: {before}{repr(message[part])[2:-1]}{after}"
