"""From what was read to what rules are asked with. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from ktconnect import names
from ktconnect.errors import UsageError
from ktconnect.modes.checks.seen import SLICE_OF, is_ready, labels_of
from ktconnect.modes.targets import selects
from ktconnect.objects.origin import origin_name
from ktconnect.objects.session import Manifest, Record, label_value, renew_seconds
from ktconnect.rules.explain_facts import Endpoint, Facts, Laptop, Others, Place, Port
from ktconnect.rules.model import share_of
from ktconnect.rules.plan import app_of
from ktconnect.sessions.holders import ago
from ktconnect.sessions.legacy_seen import LEAST_SILENCE, heart_beat, is_theirs, notes_of, role_of
from ktconnect.wire.spec import AgentSpec

from .caller import caller_of, waypoint_of
from .seen import Seen

STUNTMAN: Final = "-kt-stuntman"


def facts_of(seen: Seen, port: str, caller: str, *, grpc: bool = False) -> Facts:
    """What is known; ``grpc``: of a call of gRPC.

    Raises: UsageError for a port or a caller that isn't there.
    """
    pods = {pod["metadata"]["name"]: pod for pod in seen.pods}
    places = {each["metadata"]["name"]: _place(each, seen, pods) for each in seen.services}
    own = places.get(seen.name) or _place(seen.service, seen, pods)
    return Facts(
        own,
        _port(seen, port, grpc=grpc),
        caller_of(seen, caller),
        {**places, seen.name: own},
        {**_laptops(seen), **_old_laptops(seen)},
        _origin(seen, places),
        _known(seen, places),
        waypoint_of(seen),
        Others(
            tuple(seen.virtual_services), tuple(seen.destination_rules), tuple(seen.http_routes)
        ),
        tuple(seen.unseen),
        seen.sessions_seen,
    )


def _port(seen: Seen, wanted: str, *, grpc: bool) -> Port:
    """The port that is meant, by number or name; else the first that can carry such a request."""
    given = [_read_port(each, seen) for each in seen.service["spec"].get("ports") or ()]
    if not given:
        raise UsageError(f"Service {seen.name} has no ports", hint="nobody can call it by one")
    fitting = [each for each in given if wanted and wanted in (str(each.number), each.name)]
    if wanted and not fitting:
        raise UsageError(
            f"Service {seen.name} has no port {wanted}",
            hint=f"it has {', '.join(map(str, given))}",
        )
    tcp = [each for each in given if each.app != "udp"]
    declared = [each for each in given if grpc and each.app == "grpc"]
    port = (fitting or declared or tcp or given)[0]
    return replace(port, beside=tuple(_beside(port, given)))


def _beside(port: Port, ports: list[Port]) -> Iterator[int]:
    """The others that lead to the same port of the Pods."""
    for each in ports:
        same = each.pod == port.pod and (each.app == "udp") == (port.app == "udp")
        if same and port.pod and each.number != port.number:
            yield each.number


def _read_port(port: Manifest, seen: Seen) -> Port:
    name = str(port.get("name") or "")
    target = str(port.get("targetPort") or port["port"])
    known = {
        str(each.get("name") or ""): int(each["port"])
        for part in _slices(seen, seen.name)
        for each in part.get("ports") or ()
        if each.get("port")
    }
    return Port(
        int(port["port"]),
        name,
        app_of(port),
        int(target) if target.isdecimal() else known.get(name, 0),
    )


def _slices(seen: Seen, service: str) -> Iterator[Manifest]:
    return (each for each in seen.slices if labels_of(each).get(SLICE_OF) == service)


def _place(service: Manifest, seen: Seen, pods: dict[str, Manifest]) -> Place:
    name, spec = service["metadata"]["name"], service["spec"]
    share = share_of(service)
    endpoints = list(_endpoints(seen, name, pods)) or list(_selected(seen, service))
    return Place(
        name,
        service["metadata"]["namespace"],
        tuple(endpoints),
        spec.get("selector") or {},
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") == "None",
        share,
        _target(service, seen) if share else "",
    )


def _target(service: Manifest, seen: Seen) -> str:
    """The Service that a session's own is made for; a label's value may be a shortened name."""
    told = str(labels_of(service).get(names.LABEL_TARGET, ""))
    return seen.name if told == label_value(seen.name) else told


def _endpoints(seen: Seen, service: str, pods: dict[str, Manifest]) -> Iterator[Endpoint]:
    """As EndpointSlices tell; a Pod with two families of addresses stands in two of them."""
    told: set[str] = set()
    for part in _slices(seen, service):
        for each in part.get("endpoints") or ():
            pod = (each.get("targetRef") or {}).get("name") or (each.get("addresses") or ["?"])[0]
            if pod not in told:
                told.add(pod)
                yield endpoint_of(pod, pods.get(pod), ready=is_ready(each))


def _selected(seen: Seen, service: Manifest) -> Iterator[Endpoint]:
    """Where slices may not be seen: the Pods that the selector finds."""
    if not seen.slices:
        for pod in seen.pods:
            if selects(service, labels_of(pod)) and "deletionTimestamp" not in pod["metadata"]:
                yield endpoint_of(pod["metadata"]["name"], pod, ready=_is_up(pod))


def _is_up(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def endpoint_of(name: str, pod: Manifest | None, *, ready: bool) -> Endpoint:
    """A Pod behind a Service, and what part it has in a session."""
    if pod is None:
        return Endpoint(name, ready)
    labels = labels_of(pod)
    old = is_theirs(pod)
    agent = name if old else labels.get(names.LABEL_SESSION, "")
    return Endpoint(name, ready, labels, role_of(pod), agent, _passes(pod), old)


def _passes(pod: Manifest) -> frozenset[tuple[str, int]]:
    """The ports whose callers an agent never takes to its laptop: its orders say so."""
    for container in pod["spec"].get("containers") or ():
        if container.get("name") == names.AGENT_CONTAINER:
            try:
                orders = AgentSpec.from_argv(container.get("args") or [])
            except UsageError:  # another version's, or KT Connect's
                return frozenset()
            return frozenset(
                (each.protocol, each.port) for each in orders.listens if not each.to_laptop
            )
    return frozenset()


def _laptops(seen: Seen) -> dict[str, Laptop]:
    """Sessions that callers come to, by the name of their agent."""
    return {
        str(record.config.get("agent") or record.name): Laptop(
            record.name,
            record.mode,
            record.holder,
            record.is_alive(seen.now),
            _heard(seen, record.renewed),
            _is_late(seen, record),
        )
        for record in seen.records
    }


def _is_late(seen: Seen, record: Record) -> bool:
    """Whether it has left out a renewal."""
    every = renew_seconds(record.duration.total_seconds())
    return record.renewed is None or (seen.now - record.renewed).total_seconds() > 2 * every


def _old_laptops(seen: Seen) -> dict[str, Laptop]:
    """Those of KT Connect 0.3, by the name of their shadow."""
    return {
        pod["metadata"]["name"]: Laptop(
            "",
            f"{role_of(pod).removeprefix('shadow-')} of KT Connect 0.3",
            notes_of(pod).get(names.ANNOTATION_USER) or "unknown",
            (beat := heart_beat(pod)) is not None and seen.now - beat <= LEAST_SILENCE,
            _heard(seen, beat),
        )
        for pod in seen.pods
        if is_theirs(pod)
    }


def _heard(seen: Seen, moment: datetime | None) -> str:
    return ago(seen.now - moment) if moment else "an unknown time"


def _origin(seen: Seen, places: Iterable[str]) -> str:
    """The Service that leads to the Pods that there were before us; itself while it is led
    nowhere else."""
    ways = (origin_name(seen.name), seen.name + STUNTMAN)
    return next((each for each in ways if each in places), seen.name)


def _known(seen: Seen, places: dict[str, Place]) -> frozenset[str] | None:
    """The sessions' Services of which the router's configuration speaks, by name or address."""
    if seen.router is None:
        return None
    text = " ".join(map(str, (seen.router.get("data") or {}).values()))
    return frozenset(
        name
        for name, place in places.items()
        if place.share is not None and (_speaks(text, name) or _speaks(text, place.share.address))
    )


def _speaks(text: str, word: str) -> bool:
    """Whether it stands there as a word of its own: 10.96.0.1 is not in 10.96.0.12."""
    return (
        bool(word) and re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w)", text) is not None
    )
