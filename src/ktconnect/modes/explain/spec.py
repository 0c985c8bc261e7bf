"""What the user asked `explain` for, as frozen values."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ktconnect.errors import UsageError
from ktconnect.modes.spec import ClusterSpec
from ktconnect.modes.targets import Wanted, parse_target
from ktconnect.rules.request import GRPC, Request

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2, a token


@dataclass(frozen=True, slots=True)
class Asked:
    """The request as the flags say it, in the user's words."""

    method: str = ""
    path: str = ""
    headers: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    grpc: str = ""
    host: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class ExplainSpec:
    """One ``ktctl explain``. ``port``: number or name, "" for the Service's first.

    ``caller``: a Pod or a namespace, "" for a Pod of the Service's namespace. ``live``: send it
    as well, and wait ``timeout`` seconds for its answer.
    """

    service: Wanted
    request: Request
    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    port: str = ""
    caller: str = ""
    live: bool = False
    timeout: float = 30.0


def parse_service(text: str) -> tuple[Wanted, str]:
    """``[KIND/]NAME[:PORT]``. Raises: UsageError."""
    name, colon, port = text.partition(":")
    if colon and not port:
        raise UsageError(f"{text!r} names no port", hint="for example web:80, web:http or just web")
    return parse_target(name), port


def request_of(asked: Asked) -> Request:
    """The request that the flags describe. Raises: UsageError for one that can't be sent."""
    url = urlsplit(asked.path or "/")
    path, grpc = url.path or "/", ""
    method = asked.method.upper() or "GET"
    if not path.startswith("/"):
        raise UsageError(f"--path {asked.path} does not begin with /", hint="for example /api/x")
    if asked.grpc:
        path, method, grpc = _grpc_path(asked.grpc), "POST", GRPC
    queries = (*filter(None, url.query.split("&")), *asked.queries)
    headers = [_header(each) for each in asked.headers]
    given = [value for name, value in headers if name == "host"]
    cookies = "; ".join(_cookie(each) for each in asked.cookies)
    return Request(
        method,
        path,
        tuple(_pair(each) for each in queries),
        (
            *(each for each in headers if each[0] != "host"),
            *((("cookie", cookies),) if cookies else ()),
            *((("content-type", grpc),) if grpc else ()),
        ),
        asked.host or next(iter(given), ""),
        asked.tls,
    )


def _header(text: str) -> tuple[str, str]:
    """``VERSION: ci``, as curl takes it."""
    name, colon, value = text.partition(":")
    if not colon or _NAME.fullmatch(name.strip()) is None or not value.isprintable():
        raise UsageError(f"--header {text!r} is none", hint="for example --header 'VERSION: ci'")
    return name.strip().lower(), value.strip()


def _cookie(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals or not name or not text.isprintable():
        raise UsageError(f"--cookie {text!r} is none", hint="for example --cookie user=ann")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not text.isprintable() or " " in text:
        raise UsageError(f"--query {text!r} can't be sent as it is", hint="write a space as %20")
    return name, value


def _grpc_path(text: str) -> str:
    service, slash, method = text.strip("/").partition("/")
    if not slash or not service or not method or "/" in method:
        raise UsageError(f"--grpc {text} is no method", hint="for example --grpc shop.Cart/Add")
    return f"/{service}/{method}"
