"""What a stream is to be joined to, as text: ``tcp:10.96.0.10:443``, ``udp:[fd00::1]:53``."""

import functools
from dataclasses import dataclass
from typing import Final, Literal, get_args

from ktconnect.errors import UsageError

TargetKind = Literal["tcp", "udp", "icmp", "unix"]

KINDS: Final[tuple[TargetKind, ...]] = get_args(TargetKind)


@dataclass(frozen=True, slots=True)
class Target:
    """One place that a stream or a flow of datagrams can lead to.

    ``host`` is an address or a name (for ``unix`` a path); ``port`` is 0 for ``icmp`` and ``unix``.
    """

    kind: TargetKind
    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read a target from its text.

        Raises: UsageError saying what is wrong with it.
        """
        return _parse(text)

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"icmp:{host}" if self.kind == "icmp" else f"{self.kind}:{host}:{self.port}"


@functools.lru_cache(1024)  # an agent is asked for the same few targets over and over
def _parse(text: str) -> Target:
    word, _, rest = text.partition(":")
    kind = next((k for k in KINDS if k == word), None)
    if kind is None:
        raise _bad(text, f"starts with none of {', '.join(KINDS)}")
    if kind == "unix":
        return Target(kind, _path(rest, text))
    if kind == "icmp":
        return Target(kind, _host(rest, text))
    host, separator, port = rest.rpartition(":")
    if not separator:
        raise _bad(text, "has no port")
    return Target(kind, _host(host, text), _port(port, text))


def _bad(text: str, why: str) -> UsageError:
    return UsageError(
        f"{text!r} is not a target: it {why}",
        hint="write it like tcp:10.96.0.10:443, udp:[fd00::1]:53 or icmp:10.244.1.7",
    )


def _path(path: str, text: str) -> str:
    if not path or "\0" in path or len(path) > 100:
        raise _bad(text, "has no usable path")
    return path


def _host(host: str, text: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif host.count(":") == 1:
        raise _bad(text, "has a colon in its host")
    if not host or len(host) > 255 or not host.isascii() or not host.isprintable():
        raise _bad(text, "has no usable host")
    if not set(host).isdisjoint(" []/"):
        raise _bad(text, "has no usable host")
    return host


def _port(port: str, text: str) -> int:
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise _bad(text, "has no port between 1 and 65535")
    return int(port)
