"""Which ports of a Service can't be shared by requests, and what becomes of their callers. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ktconnect.modes.checks.seen import Finding
from ktconnect.objects.ports import PortMap

NOT_SAID: Final[Mapping[int, str]] = MappingProxyType({})

PLAIN: Final[Mapping[str, str]] = {
    "tcp": "its connections carry no mark, and go to the original Pods",
    "tls": "nothing but `--match sni:…` can be seen of it",
}


def check_marked(
    name: str, ports: Iterable[PortMap], apps: Mapping[int, str] = NOT_SAID, *, said: bool
) -> Iterator[Finding]:
    """Which ports can't be told apart by requests. ``apps``: what is spoken on them, by number;
    ``said``: the user named them."""
    for port in ports:
        if port.protocol == "udp":
            yield Finding(
                "refuse" if said else "note",
                f"port {port} of Service {name} is UDP: datagrams carry no mark",
                f"`ktctl exchange {name}` takes all of them",
            )
        elif apps.get(port.service_port) in PLAIN:
            yield Finding(
                "warn" if said else "note",
                f"port {port} of Service {name} is no HTTP, as it is declared: "
                f"{PLAIN[apps[port.service_port]]}",
                "its name or appProtocol says what it is",
            )


def check_all(name: str, ports: Iterable[PortMap]) -> Iterator[Finding]:
    """Callers of a port that nobody here answers, and who come to this Pod by chance."""
    missing = [str(port) for port in ports if port.target is None]
    if missing:
        yield Finding(
            "warn",
            f"port {', '.join(missing)} of Service {name} does not come here: its callers who are "
            "led to this Pod are turned away",
            "expose all ports, or have rules that lead nobody here unmarked",
        )
