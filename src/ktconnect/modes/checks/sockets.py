"""Which sockets of this machine's network there are, as the kernel tells (proc(5), /proc/net)."""

import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from ktconnect.wire.target import Target

PROC: Final = Path("/proc/net")
LISTENING: Final = "0A"
"""The state of a TCP socket that takes connections (``TCP_LISTEN``)."""

ACCEPTS: Final = 1 << 16
"""Of the flags of a Unix socket: it takes connections (``__SO_ACCEPTCON``)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def bound(kind: Literal["tcp", "udp"], port: int, proc: Path = PROC) -> Iterator[Address]:
    """Local addresses of sockets at ``port``: those of UDP, and those of TCP that listen."""
    for name in (kind, f"{kind}6"):
        for line in _lines(proc / name):
            address, _, number = line[1].partition(":")
            if int(number, 16) == port and (kind == "udp" or line[3] == LISTENING):
                yield _address(address)


def listens(target: Target, proc: Path = PROC) -> bool:
    """Whether a program of this machine is seen to take connections there, without one being made.

    False as well where that can't be seen: on another machine, or another kind of system.
    """
    match target.kind:
        case "tcp":
            try:
                address = ipaddress.ip_address(target.host)
            except ValueError:
                return False
            found = bound("tcp", target.port, proc)
            return any(each.is_unspecified or each == address for each in found)
        case "unix":
            return any(
                int(line[3], 16) & ACCEPTS and line[7:] == [target.host]
                for line in _lines(proc / "unix")
            )
        case _:
            return False


def _lines(file: Path) -> Iterator[list[str]]:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return
    for line in text.split("\n")[1:-1]:
        yield line.split(None, 7)


def _address(text: str) -> Address:
    """Words of 32 bits, each in the machine's byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
