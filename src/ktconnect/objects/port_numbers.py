"""Which numbers the names of target ports stand for, as far as Pods and EndpointSlices tell."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from .session import Manifest


def protocol_of(port: Manifest) -> Any:
    """``tcp``, ``udp`` or ``sctp``, of a port of whatever manifest."""
    return str(port.get("protocol") or "TCP").lower()


def known_numbers(
    slices: Sequence[Manifest], pods: Sequence[Manifest]
) -> dict[tuple[str, str], int]:
    """(protocol, name) -> number: container ports by name, slices' by ``=`` and Service port."""
    known: dict[tuple[str, str], int] = {}
    for pod in pods:
        for port in _container_ports(pod):
            known.setdefault((protocol_of(port), str(port.get("name", ""))), port["containerPort"])
    for port in (port for each in slices for port in each.get("ports") or ()):
        if port.get("port"):
            known.setdefault((protocol_of(port), f"={port.get('name') or ''}"), port["port"])
    return known


def _container_ports(pod: Manifest) -> Iterable[Manifest]:
    spec = pod["spec"]
    for container in chain(spec.get("containers") or (), spec.get("initContainers") or ()):
        yield from container.get("ports") or ()
