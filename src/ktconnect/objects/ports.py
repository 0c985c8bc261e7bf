"""Which ports of a Service come to the laptop, and what an agent must listen on for that.

A port of a Service is found by its number, by the number that it leads to (target port), or by
name. A named target port means whatever port of each Pod has that name (Kubernetes, "Service",
"Port definitions"), so an agent may choose the number as long as it carries the name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from ktconnect import names
from ktconnect.errors import UsageError
from ktconnect.wire.target import Target

from .port_numbers import known_numbers, protocol_of
from .session import Manifest

Protocol = Literal["tcp", "udp"]

LOOPBACK = "127.0.0.1"
FREE_FROM = 20000
"""Where numbers are looked for that no other port of the Service needs."""


@dataclass(frozen=True, slots=True)
class Local:
    """Where the laptop's process listens: ``host`` and ``port``, or the Unix socket ``path``.

    ``port`` 0: the number that was said for the Service, or the Pod's if that was a name.
    """

    host: str = LOOPBACK
    port: int = 0
    path: str = ""

    def target(self, protocol: Protocol, otherwise: int) -> Target:
        """As a tunnel's target; ``otherwise`` stands in for port 0."""
        if self.path:
            return Target("unix", self.path)
        return Target(protocol, self.host, self.port or otherwise)


@dataclass(frozen=True, slots=True)
class Expose:
    """One item of ``--expose``: ``remote`` is a number or a name, ``protocol`` "" if not said.

    ``service`` is the one of several targets that it is meant for, "" for all of them.
    """

    text: str
    remote: str
    local: Local = Local()
    protocol: Protocol | Literal[""] = ""
    service: str = ""

    @property
    def number(self) -> int:
        """The remote port's number; 0 for a name."""
        return int(self.remote) if self.remote.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class PortMap:
    """One port of a Service: ``pod_port`` is where an agent listens for its callers.

    ``name``: the name that the agent's container port needs, "" for none. ``target``: where on
    the laptop's side its callers go, None if they pass on to the origin. ``service_name``: the
    Service port's own name.
    """

    protocol: Protocol
    service_port: int
    pod_port: int
    name: str = ""
    service_name: str = ""
    target: Target | None = None

    def __str__(self) -> str:
        named = f" ({self.service_name})" if self.service_name else ""
        leads = f"{self.service_port}{named}"
        if self.name or self.pod_port != self.service_port:
            leads += f" to {self.name or self.pod_port}"
        return leads + ("/udp" if self.protocol == "udp" else "")

    @property
    def listen(self) -> tuple[Protocol, int]:
        """What an agent listens on; two ports of a Service may share it."""
        return self.protocol, self.pod_port


def map_ports(
    service: Manifest,
    exposes: Sequence[Expose],
    slices: Iterable[Manifest] = (),
    pods: Iterable[Manifest] = (),
) -> tuple[PortMap, ...]:
    """Every port of ``service``, in its order; those that ``exposes`` name have a target.

    Without ``exposes`` all of them have: the same port number on the laptop as in the Pod.
    ``slices`` and ``pods`` tell the numbers of named target ports. Ports that lead to the same
    port of the Pod can't be told apart there, so they share a target.
    Raises: UsageError naming what there is instead.
    """
    ports = service_ports(service, slices, pods)
    if not exposes:
        return tuple(replace(port, target=_same_number(port)) for port in ports)
    return _exposed(ports, exposes, str(service["metadata"]["name"]))


def _exposed(
    ports: Sequence[PortMap], exposes: Sequence[Expose], service: str
) -> tuple[PortMap, ...]:
    targets: dict[tuple[Protocol, int], tuple[Target, Expose]] = {}
    for expose in exposes:
        found = _find(expose, ports, service)
        target = expose.local.target(found.protocol, expose.number or found.pod_port)
        if targets.setdefault(found.listen, (target, expose))[0] != target:
            raise _shared(expose, targets[found.listen][1], found)
    return tuple(
        replace(port, target=targets[port.listen][0]) if port.listen in targets else port
        for port in ports
    )


def service_ports(
    service: Manifest, slices: Iterable[Manifest] = (), pods: Iterable[Manifest] = ()
) -> tuple[PortMap, ...]:
    """The ports of ``service`` that an agent can carry (TCP and UDP), none with a target."""
    known = known_numbers(list(slices), list(pods))
    given = [port for port in service["spec"].get("ports") or () if protocol_of(port) != "sctp"]
    # Numeric ones first: they can't give way.
    taken = {(protocol_of(port), _number(port)) for port in given if _number(port)}
    chosen: dict[tuple[str, str], int] = {}
    return tuple(_port(port, known, taken, chosen) for port in given)


def listens(ports: Iterable[PortMap]) -> tuple[PortMap, ...]:
    """One for each port that an agent listens on, and for each name that it must carry."""
    return tuple({(port.listen, port.name): port for port in ports}.values())


def agent_port(ports: Iterable[PortMap]) -> int:
    """A port for an agent's tunnels that none of its callers needs."""
    taken = {port.pod_port for port in ports}
    return next(free for free in chain([names.AGENT_PORT], _free_numbers()) if free not in taken)


def ready_port(ports: Iterable[PortMap]) -> int:
    """A port that shows whether there is a laptop, which neither callers nor tunnels need."""
    given = tuple(ports)
    taken = {port.pod_port for port in given} | {agent_port(given)}
    return next(free for free in _free_numbers() if free not in taken)


def preview_ports(exposes: Sequence[Expose]) -> tuple[PortMap, ...]:
    """The ports of a Service yet to be made. Raises: UsageError for a name in a number's place."""
    for expose in exposes:
        if not expose.number:
            raise UsageError(
                f"--expose {expose.text}: a new Service has no port {expose.remote!r} yet",
                hint="say its number: --expose 8080, or --expose 8080:80",
            )
    return tuple(_preview_port(expose) for expose in exposes)


def _preview_port(expose: Expose) -> PortMap:
    protocol: Protocol = expose.protocol or "tcp"
    number = expose.number
    target = expose.local.target(protocol, number)
    suffix = "-udp" if protocol == "udp" else ""
    return PortMap(protocol, number, number, service_name=f"kt-{number}{suffix}", target=target)


def _same_number(port: PortMap) -> Target:
    return Target(port.protocol, LOOPBACK, port.pod_port)


def _find(expose: Expose, ports: Sequence[PortMap], service: str) -> PortMap:
    """The port that is meant: the Service's own numbers and names win over the Pods'."""
    fitting = [port for port in ports if expose.protocol in ("", port.protocol)]
    own = [port for port in fitting if expose.remote in (str(port.service_port), port.service_name)]
    led_to = [port for port in fitting if expose.remote in (str(port.pod_port), port.name)]
    found = own or led_to
    if not found:
        raise UsageError(
            f"--expose {expose.text}: Service {service} has no port {expose.remote}",
            hint=f"it has {', '.join(map(str, ports)) or 'none that TCP or UDP can reach'}",
        )
    if len({port.protocol for port in found}) > 1:
        raise UsageError(
            f"--expose {expose.text}: port {expose.remote} of Service {service} is TCP and UDP",
            hint=f"say which: {expose.text}/tcp or {expose.text}/udp (or both, comma-separated)",
        )
    if len({port.listen for port in found}) > 1:
        leads = [f"{expose.text.removesuffix(expose.remote)}{port.pod_port}" for port in found]
        raise UsageError(
            f"--expose {expose.text}: port {expose.remote} of {service} is several: "
            f"{', '.join(map(str, found))}",
            hint=f"say which by where it leads: {' or '.join(leads)}",
        )
    return found[0]


def _shared(one: Expose, other: Expose, port: PortMap) -> UsageError:
    return UsageError(
        f"--expose {other.text} and {one.text} lead to the same port {port.pod_port} of the Pods",
        hint="a call there does not tell which of them it came by: give both the same local port",
    )


def _target_port(port: Manifest) -> str:
    return str(port.get("targetPort") or port["port"])


def _number(port: Manifest) -> int:
    """The target port's number; 0 for a name."""
    text = _target_port(port)
    return int(text) if text.isdecimal() else 0


def _port(
    port: Manifest,
    known: dict[tuple[str, str], int],
    taken: set[tuple[str, int]],
    chosen: dict[tuple[str, str], int],
) -> PortMap:
    protocol, service_name = protocol_of(port), str(port.get("name") or "")
    name = "" if _number(port) else _target_port(port)
    number = _number(port) or chosen.get((protocol, name), 0)
    if not number:
        wanted = known.get((protocol, name)) or known.get((protocol, f"={service_name}"))
        wishes = [wanted or port["port"], port["port"]]
        number = next(n for n in chain(wishes, _free_numbers()) if (protocol, n) not in taken)
        chosen[protocol, name] = number
        taken.add((protocol, number))
    return PortMap(protocol, int(port["port"]), number, name, service_name)


def _free_numbers() -> range:
    return range(FREE_FROM, 65536)
