"""HTTP proxy: CONNECT, and requests in absolute form (RFC 9110 §7, RFC 9112 §3.2).

A request in absolute form is passed on in origin form with ``Connection: close``, so one client
connection carries one such request, and every next one is routed anew.
"""

import re
from urllib.parse import SplitResult, urlsplit

from .proxy_reader import HandshakeError, Reader
from .proxy_request import ProxyRequest

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) (HTTP/1\.[01])")
_AUTHORITY = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:/@\s]+)):(\d{1,5})")
_LONGEST_AUTHORITY = 264  # the longest name (RFC 1035 §2.3.4), brackets and a port
_END = b"\r\n\r\n"
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "host"}
_THIS_IS = "This is the proxy of ktctl connect: set it as your HTTP or SOCKS5 proxy.\n"
Headers = list[tuple[str, str]]


async def read_http(reader: Reader) -> ProxyRequest:
    """Read the head of a request. Raises: HandshakeError."""
    try:
        head = await reader.until(_END)
    except HandshakeError:
        raise HandshakeError(http_reply("431 Request Header Fields Too Large")) from None
    return parse_request(head)


def parse_request(head: bytes) -> ProxyRequest:
    """The head of a request, with its empty line. Raises: HandshakeError."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if not found:
        raise HandshakeError(http_reply("400 Bad Request"))
    method, target, version = found.groups()
    if method == "CONNECT":
        host, port = _authority(target)
        return ProxyRequest(host, port, f"{version} 200 Connected\r\n\r\n".encode(), _refused)
    return _absolute(method, target, version, _headers(lines))


def _authority(target: str) -> tuple[str, int]:
    found = _AUTHORITY.fullmatch(target)
    if not found or not 0 < int(found[3]) < 65536 or len(target) > _LONGEST_AUTHORITY:
        raise HandshakeError(http_reply("400 Bad Request", "CONNECT needs host:port\n"))
    return found[1] or found[2], int(found[3])


def _headers(lines: list[str]) -> Headers:
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise HandshakeError(http_reply("400 Bad Request"))
        headers.append((name, value.strip()))
    return headers


def _absolute(method: str, target: str, version: str, headers: Headers) -> ProxyRequest:
    host, port, url = _url(target)
    path = (url.path or ("*" if method == "OPTIONS" else "/")) + (f"?{url.query}" * bool(url.query))
    authority = url.netloc.rpartition("@")[2]
    lines = [f"{method} {path} {version}", f"Host: {authority}", *_passed_on(headers)]
    head = "\r\n".join(lines).encode("latin-1") + _END
    return ProxyRequest(host, port, b"", _refused, head, _body_length(headers))


def _body_length(headers: Headers) -> int | None:
    """So that no second request goes to the first one's server; None where it isn't told."""
    said = {name.lower(): value for name, value in headers}
    if "transfer-encoding" in said or "upgrade" in said:
        return None
    length = said.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise HandshakeError(http_reply("400 Bad Request"))
    return int(length[:18])


def _url(target: str) -> tuple[str, int, SplitResult]:
    try:
        url = urlsplit(target)
        host, port = url.hostname, url.port or 80
    except ValueError:
        raise HandshakeError(http_reply("400 Bad Request")) from None
    if url.scheme.lower() != "http" or not host or len(host) > _LONGEST_AUTHORITY:
        raise HandshakeError(http_reply("400 Bad Request", _THIS_IS))
    return host, port, url


def _passed_on(headers: Headers) -> list[str]:
    named = (value.lower() for name, value in headers if name.lower() == "connection")
    options = {option.strip() for value in named for option in value.split(",")}
    upgrades = "upgrade" in options and any(name.lower() == "upgrade" for name, _ in headers)
    dropped = _HOP_BY_HOP | options - ({"upgrade"} if upgrades else set())
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in dropped]
    return [*kept, "Connection: upgrade" if upgrades else "Connection: close"]


def http_reply(status: str, text: str = "") -> bytes:
    """A whole response with a line of plain text."""
    body = (text or f"{status}\n").encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


def _refused(error: OSError | None) -> bytes:
    if isinstance(error, TimeoutError):
        return http_reply("504 Gateway Timeout")
    why = (error.strerror or str(error)) if error else "closed the connection without an answer"
    return http_reply("502 Bad Gateway", f"ktctl: the other side: {why}\n")
