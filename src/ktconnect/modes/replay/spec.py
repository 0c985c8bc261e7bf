"""What the user asked of a replay, as a frozen value."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ktconnect.errors import UsageError
from ktconnect.rules.model import Match
from ktconnect.traffic.exchange import Headers
from ktconnect.wire.target import Target

EXAMPLES = "for example localhost:8080, https://localhost:8443, /run/app.sock"


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests are sent to: TCP or a Unix socket, with or without TLS.

    ``tls_grpc``: the same, which says that HTTP/2 is to be spoken inside (RFC 7301).
    """

    target: Target
    tls: ssl.SSLContext | None = None
    tls_grpc: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """One ``ktctl replay``.

    ``filters``: any of them is enough for a request to be sent; none: all are. ``headers`` are
    set on every request. ``diff``: the answers are compared with those recorded, but for the
    headers ``ignored``. ``limit``: seconds for one answer.
    """

    file: str
    to: Place
    filters: tuple[Match, ...] = ()
    headers: Headers = ()
    diff: bool = False
    ignored: frozenset[str] = field(default_factory=frozenset)
    speed: Literal["asRecorded", "max"] = "max"
    limit: float = 60.0


def parse_place(text: str, *, insecure: bool = False) -> Place:
    """``host:port``, ``http://…``, ``https://…``, or the path of a Unix socket.

    Raises: UsageError for what is none of them.
    """
    if text.startswith(("/", "unix:")):
        return Place(Target.parse(f"unix:{text.removeprefix('unix:')}"))
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
    if scheme not in ("http", "https") or not rest.strip("/") or "/" in rest.rstrip("/"):
        raise UsageError(f"--to {text} is no place to send requests to", hint=EXAMPLES)
    place = rest.rstrip("/")
    if not place.rpartition(":")[2].isdecimal():
        place += ":443" if scheme == "https" else ":80"
    try:
        target = Target.parse(f"tcp:{place}")
    except UsageError as error:
        raise UsageError(f"--to {text}: {error}", hint=EXAMPLES) from None
    if scheme == "http":
        return Place(target)
    return Place(target, *(_tls(speaks, insecure=insecure) for speaks in ("http/1.1", "h2")))


def parse_headers(texts: Iterable[str]) -> Headers:
    """``Name: value``. Raises: UsageError for what has no name."""
    pairs = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"--header {text!r} is no header", hint="--header 'X-User: ann'")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def _tls(speaks: str, *, insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols([speaks])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
