"""``--expose``: which local ports stand in for which ports of a Service, as frozen values."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Literal, get_args

from ktconnect.errors import UsageError
from ktconnect.objects.ports import LOOPBACK, Expose, Local, Protocol

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
EXAMPLES = "for example 8080, 8080:80, 10.0.0.5:8080:http, /run/app.sock:80 or 5353:53/udp"
# IANA_SVC_NAME (RFC 6335) as Kubernetes allows it for target ports; names of Service ports are
# labels of RFC 1123, up to 63 long, and may well start with digits.
PORT_NAME = re.compile(r"(?=[^a-z]*[a-z])[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SERVICE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
HOST = re.compile(r"\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?")
LONGEST_PATH = 100  # of a Unix socket; the kernel takes 107 bytes (unix(7))


def parse_exposes(text: str | None) -> tuple[Expose, ...]:
    """``[SERVICE=][LOCAL:]REMOTE[/tcp|/udp],…``; None means that nothing was said.

    LOCAL is a port, ``host:port``, ``[IPv6]:port`` or a Unix socket (``/path``, ``unix:/path``);
    REMOTE a port of the Service, a target port, or a name of either.

    Raises: UsageError for what can't be meant, for what is said twice, and for text without any
    port, as from an empty variable of a script: that is not taken for "all of them".
    """
    if text is None:
        return ()
    exposes: dict[tuple[str, str, str], Expose] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        expose = _parse(item)
        key = (expose.service, expose.remote, expose.protocol)
        if key in exposes:
            raise UsageError(
                f"--expose: port {expose.remote} is said twice, {exposes[key].text} and {item}",
                hint="a port can come to one place only: drop one of them",
            )
        exposes[key] = expose
    if not exposes:
        raise UsageError(f"--expose: {text!r} names no port", hint=EXAMPLES)
    return tuple(exposes.values())


def exposes_for(exposes: Iterable[Expose], service: str) -> tuple[Expose, ...]:
    """What was said for this one of several targets: what names it, and what names none."""
    return tuple(expose for expose in exposes if expose.service in ("", service))


def check_exposed(exposes: Iterable[Expose], services: Sequence[str]) -> None:
    """Raises: UsageError for an item that is meant for a Service that is no target."""
    for expose in exposes:
        if expose.service and expose.service not in services:
            raise UsageError(
                f"--expose {expose.text}: {expose.service} is not a target of this command",
                hint=f"its targets are {', '.join(services)}",
            )


def _parse(item: str) -> Expose:
    service, equals, rest = item.partition("=")
    if not equals:
        service, rest = "", item
    elif SERVICE.fullmatch(service) is None:
        raise _bad(item, f"{service!r} can't be the name of a Service")
    rest, protocol = _protocol(rest)
    local, colon, remote = rest.rpartition(":")
    expose = Expose(item, _remote(remote, item), protocol=protocol, service=service)
    if not colon:
        return expose
    return replace(expose, local=_local(local, protocol, item))


def _protocol(text: str) -> tuple[str, Protocol | Literal[""]]:
    for protocol in PROTOCOLS:
        if text.lower().endswith(f"/{protocol}"):
            return text[: -len(protocol) - 1], protocol
    return text, ""


def _remote(text: str, item: str) -> str:
    if text.isascii() and text.isdecimal():
        return str(_port(text, item))
    if PORT_NAME.fullmatch(text) is None:
        raise _bad(item, f"{text!r} can't be a port or the name of one")
    return text


def _local(text: str, protocol: str, item: str) -> Local:
    if text.startswith(("/", "unix:")):
        return Local(path=_path(text.removeprefix("unix:"), protocol, item))
    host, colon, port = text.rpartition(":")
    if not colon:
        return Local(port=_port(text, item))
    if not _is_host(host):
        why = "an IPv6 address needs brackets" if ":" in host else f"{host!r} can't be a host"
        raise _bad(item, why)
    return Local(LOOPBACK if host == "localhost" else host.strip("[]"), _port(port, item))


def _is_host(text: str) -> bool:
    """A name, or an address: what ends in a number is an IPv4 address or nothing (RFC 1123)."""
    if HOST.fullmatch(text) is None:
        return False
    if text.startswith("[") or not text.rpartition(".")[2].isdecimal():
        return True
    try:
        return bool(IPv4Address(text))
    except ValueError:
        return False


def _path(path: str, protocol: str, item: str) -> str:
    if not path.startswith("/"):
        raise _bad(item, "the path of a Unix socket must be absolute")
    if len(path.encode()) > LONGEST_PATH:
        raise _bad(item, f"the path of a Unix socket has {LONGEST_PATH} bytes at most")
    if protocol == "udp":
        raise _bad(item, "a Unix socket takes no UDP")
    return path


def _port(text: str, item: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536):
        raise _bad(item, f"{text!r} is not a port between 1 and 65535")
    return int(text)


def _bad(item: str, why: str) -> UsageError:
    return UsageError(f"--expose {item}: {why}", hint=EXAMPLES)
