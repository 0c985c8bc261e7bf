"""Which ports of a target are forwarded, found in its manifest by number or by name. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ktconnect.errors import UsageError
from ktconnect.objects.session import Manifest

from .goal import Goal, Port

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True)
class Remote:
    """One port of a target: ``number``, or, if that is each Pod's own affair, ``name``.

    ``local`` is where this machine listens, 0 for a free port; ``shown`` how a person says it.
    """

    protocol: Protocol
    number: int
    local: int
    name: str = ""
    shown: str = ""

    def __str__(self) -> str:
        return (self.shown or self.name or str(self.number)) + (
            "/udp" if self.protocol == "udp" else ""
        )


def ports_of_host(goal: Goal) -> tuple[Remote, ...]:
    """Of a name or an address: as they were said."""
    return tuple(
        Remote(port.protocol or "tcp", port.number, _local(port, port.number))
        for port in goal.ports
    )


def ports_of_service(goal: Goal, service: Manifest) -> tuple[Remote, ...]:
    """Of a Service: by number, by name, by target port. Raises: UsageError naming what there is.

    KT Connect took a single number for a local port too: it is one if the Service has one port
    alone, and another number.
    """
    listed = service["spec"].get("ports") or ()
    there = [port for port in listed if _protocol(port) in ("tcp", "udp")]
    if not there:
        raise _none(goal)
    if not goal.ports:
        return tuple(_of_service(port, int(port["port"])) for port in there)
    return tuple(found for port in goal.ports for found in _service_ports(goal, port, there))


def ports_of_pods(goal: Goal, pods: Sequence[Manifest]) -> tuple[Remote, ...]:
    """Of a Pod or a workload's: any number, or the name of a container's port.

    Raises: UsageError naming what there is.
    """
    declared = list(_container_ports(pods))
    if goal.ports:
        return tuple(_pod_port(goal, port, declared) for port in goal.ports)
    if not declared:
        raise _none(goal)
    every = {(_protocol(port), int(port["containerPort"])): port for port in declared}
    return tuple(
        Remote("udp" if protocol == "udp" else "tcp", number, number)
        for protocol, number in every
        if protocol in ("tcp", "udp")
    )


def number_in(pod: Manifest, remote: Remote) -> int:
    """The number of a port in one Pod; 0 if it has none of that name."""
    if not remote.name:
        return remote.number
    for port in _container_ports([pod]):
        if port.get("name") == remote.name and _protocol(port) == remote.protocol:
            return int(port["containerPort"])
    return 0


def _service_ports(
    goal: Goal, wanted: Port, there: Sequence[Mapping[str, Any]]
) -> tuple[Remote, ...]:
    """What one port that the user said means: TCP and UDP of that number, if it has both."""
    allowed = [port for port in there if wanted.protocol in ("", _protocol(port))]
    for fits in (_has_number, _has_name, _has_target):
        found = [port for port in allowed if fits(port, wanted)]
        if found:
            by_protocol = {_protocol(port): port for port in reversed(found)}
            return tuple(
                _of_service(port, _local(wanted, wanted.number or int(port["port"])))
                for _, port in sorted(by_protocol.items())
            )
    if len(there) == 1 and wanted.number and wanted.local is None:
        return (_of_service(there[0], wanted.number),)
    raise UsageError(
        f"{goal} has no port {wanted.text}", hint=f"it has {', '.join(map(_described, there))}"
    )


def _has_number(port: Mapping[str, Any], wanted: Port) -> bool:
    return bool(port["port"] == wanted.number)


def _has_name(port: Mapping[str, Any], wanted: Port) -> bool:
    return bool(port.get("name") == wanted.remote)


def _has_target(port: Mapping[str, Any], wanted: Port) -> bool:
    return str(port.get("targetPort", "")) == wanted.remote


def _of_service(port: Mapping[str, Any], local: int) -> Remote:
    protocol: Protocol = "udp" if _protocol(port) == "udp" else "tcp"
    name = str(port.get("name") or "")
    return Remote(protocol, int(port["port"]), local, name, str(port["port"]))


def _pod_port(goal: Goal, wanted: Port, declared: Sequence[Mapping[str, Any]]) -> Remote:
    if wanted.number:
        return Remote(wanted.protocol or "tcp", wanted.number, _local(wanted, wanted.number))
    for port in declared:
        protocol = _protocol(port)
        if port.get("name") == wanted.remote and wanted.protocol in ("", protocol):
            number = int(port["containerPort"])
            kind: Protocol = "udp" if protocol == "udp" else "tcp"
            return Remote(kind, number, _local(wanted, number), wanted.remote)
    named = sorted({port["name"] for port in declared if port.get("name")})
    raise UsageError(
        f"{goal} has no port named {wanted.remote}",
        hint=f"it has {', '.join(named)}" if named else "none of its ports has a name",
    )


def _local(port: Port, otherwise: int) -> int:
    return otherwise if port.local is None else port.local


def _container_ports(pods: Iterable[Manifest]) -> Iterator[Mapping[str, Any]]:
    for pod in pods:
        spec = pod["spec"]
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            yield from container.get("ports") or ()


def _protocol(port: Mapping[str, Any]) -> str:
    return str(port.get("protocol", "TCP")).lower()


def _described(port: Mapping[str, Any]) -> str:
    name = f" ({port['name']})" if port.get("name") else ""
    return f"{port['port']}{'/udp' if _protocol(port) == 'udp' else ''}{name}"


def _none(goal: Goal) -> UsageError:
    return UsageError(f"{goal} says of no port that it has it", hint="name one: LOCAL:REMOTE")
