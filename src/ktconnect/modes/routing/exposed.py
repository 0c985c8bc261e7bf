"""Which ports of a Service carry requests that can be told apart: those that may come here."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ktconnect.errors import UsageError
from ktconnect.modes.checks.local import check_local
from ktconnect.modes.checks.seen import Finding, Seen, enforce
from ktconnect.modes.checks.service import check_ruled, check_service
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.expose import exposes_for
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.objects.ports import Expose, PortMap, map_ports
from ktconnect.rules.plan import app_of

NOT_SAID: Final[Mapping[int, str]] = MappingProxyType({})

PLAIN: Final[Mapping[str, str]] = {
    "tcp": "its connections carry no mark, and go to the original Pods",
    "tls": "nothing but `--match sni:…` can be seen of it",
}


async def exposed_ports(
    spec: ServingSpec,
    exposes: tuple[Expose, ...],
    seen: Seen,
    driver: str,
    none: UsageError,
    reporter: Reporter,
) -> tuple[PortMap, ...]:
    """The ports that come here, each with a program that listens for it.

    Raises: as `request_ports`; UsageError where nothing listens.
    """
    taken = request_ports(exposes, seen, driver, none, reporter)
    checked = await check_local(taken, skip=spec.skip_port_checking)
    enforce(checked.findings, reporter)
    return checked.ports


def request_ports(
    exposes: tuple[Expose, ...], seen: Seen, driver: str, none: UsageError, reporter: Reporter
) -> tuple[PortMap, ...]:
    """The ports whose requests may come here, by what the ``driver`` of the Service can do.

    Raises: UsageError, also for a Service that can't be shared; ``none`` if it has no such port.
    """
    service, name = seen.service, seen.name
    enforce(check_service(seen) if driver == "router" else check_ruled(seen), reporter)
    said = exposes_for(exposes, name)
    ports = map_ports(service, said, seen.slices or (), seen.backends)
    wanted = tuple(port for port in ports if port.target is not None)
    apps = {int(port["port"]): app_of(port) for port in service["spec"].get("ports") or ()}
    enforce(check_marked(name, wanted, apps, said=bool(said)), reporter)
    taken = tuple(port for port in wanted if port.protocol == "tcp")
    if not taken:
        raise none
    return taken


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
