"""What becomes of callers whom rules of the user's own lead to this machine. Pure."""

from collections.abc import Iterable, Iterator

from ktconnect.modes.checks.seen import Finding
from ktconnect.objects.ports import PortMap


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
