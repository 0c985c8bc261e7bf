"""What an agent can tell about its Pod."""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from ktconnect import __version__
from ktconnect.wire.hello import AgentFacts

RESOLV_CONF: Final = Path("/etc/resolv.conf")
MAX_RESOLV_CONF: Final = 8 * 1024

_ANYWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): nothing is ever sent to them."""


def gather() -> AgentFacts:
    """Ask the system once, at the start."""
    return AgentFacts(
        version=__version__,
        python=sys.version.partition(" ")[0],
        addresses=addresses(os.environ.get("POD_IPS", "")),
        resolv_conf=_resolv_conf(),
    )


def addresses(told: str) -> tuple[str, ...]:
    """The Pod's IPs: as told (comma separated), else those it would send from."""
    if told:
        return tuple(part.strip() for part in told.split(",") if part.strip())
    found = (_source(family, host) for family, host in _ANYWHERE)
    return tuple(address for address in found if address)


def _source(family: int, host: str) -> str:
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((host, 9))  # a datagram socket: this asks the routing table, and sends nothing
        return str(sock.getsockname()[0])
    return ""


def _resolv_conf() -> str:
    with suppress(OSError), RESOLV_CONF.open(encoding="utf-8", errors="replace") as file:
        return file.read(MAX_RESOLV_CONF)
    return ""
