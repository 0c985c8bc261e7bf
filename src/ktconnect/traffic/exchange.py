"""One HTTP request and what was answered, as values."""

import hashlib
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]
"""Names as they were sent, in their order; a name may be there more than once."""

KEPT = 1024 * 1024
"""Bytes of a body that are kept; of longer ones the beginning is, and the size."""


@dataclass(frozen=True, slots=True)
class Body:
    """``data`` as it went over the wire, at most its beginning; ``size`` is the whole, in bytes.

    ``digest``: SHA-256 of the whole in hex, where all of it was seen; else "".
    """

    data: bytes = b""
    size: int = 0
    digest: str = ""

    @classmethod
    def whole(cls, data: bytes) -> "Body":
        """All of it, however long."""
        return cls(data, len(data), hashlib.sha256(data).hexdigest())

    @property
    def is_cut(self) -> bool:
        """Whether the end of it is not known."""
        return self.size > len(self.data)


@dataclass(frozen=True, slots=True)
class Request:
    """``target`` is what the request line says: ``/path?query``."""

    method: str
    target: str
    headers: Headers = ()
    body: Body = Body()
    version: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """``reason``: the words after the status, which HTTP/2 does not have. ``trailers``: the headers
    that follow the body (RFC 9110 §6.5); gRPC says there how a call went."""

    status: int
    headers: Headers = ()
    body: Body = Body()
    reason: str = ""
    version: str = "HTTP/1.1"
    trailers: Headers = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """``began``: POSIX time of the request, in seconds; ``seconds`` until the answer had ended, of
    what a tap saw until it had begun; 0 where that is not known.

    Without an ``answer``, ``failure`` says why there is none.
    """

    request: Request
    answer: Answer | None
    began: float = 0.0
    seconds: float = 0.0
    failure: str = ""


def header(headers: Headers, name: str) -> str:
    """The value of a header, of all of them with a comma (RFC 9110 §5.2); "" without it."""
    return ", ".join(value for key, value in headers if key.lower() == name)


def regular(pairs: Headers) -> Headers:
    """The headers of HTTP/2 as HTTP/1.1 has them (RFC 9113 §8.3): ``Host``, no pseudo-headers."""
    plain = tuple(pair for pair in pairs if not pair[0].startswith(":"))
    host = header(pairs, ":authority")
    return (("Host", host), *plain) if host and not header(plain, "host") else plain


def place(request: Request) -> str:
    """``GET /cart?x=1``: how a request is called in front of people."""
    target = request.target if len(request.target) <= 100 else request.target[:99] + "…"
    return f"{request.method} {target}"
