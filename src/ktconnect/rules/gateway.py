"""Shares said by the Gateway API: HTTPRoutes whose parent is the Service itself (GEP-1324).

Each session has routes of its own; the mesh takes all rules of all routes of a Service together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ktconnect.names import SERVED_BY

from .gateway_match import before, route_match
from .model import Share

Manifest = dict[str, Any]
Named = Callable[[str], Manifest]
"""Metadata for an object of that name."""

RULES: Final = 16  # HTTPRouteSpec: of one route
MATCHES: Final = 8  # of one rule; more in newer versions, but never more than 128 of one route
GROUP: Final = "gateway.networking.k8s.io"

EVERYTHING: Final[tuple[Manifest, ...]] = ({}, {"path": {"type": "PathPrefix", "value": "/"}})
"""Matches that every request fits."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the Service as routes see it; ``alone``: it has no other that may carry HTTP."""

    service: str
    number: int
    alone: bool = False

    @property
    def parent(self) -> Manifest:
        """The ``parentRef``."""
        whole = {"group": "", "kind": "Service", "name": self.service}
        return whole if self.alone else whole | {"port": self.number}


def routes(
    named: Named, share: Share, port: Port, theirs: Sequence[Mapping[str, Any]], *, regex: bool
) -> list[Manifest]:
    """A share's routes for one port: as many as the limits of one make necessary.

    ``theirs``: the routes of others for this port. Where there are none, the first route of ours
    says where everybody else goes: a Service that has a route answers 404 to what fits none. Where
    there are some, that is theirs to say. Where the share is of everything, there is nobody else,
    and of two equal rules the first would win.
    ``regex``: see `gateway_match.route_match`. Raises: UsageError for what can't be compared.
    """
    others = [match for route in theirs for match in _matches(route)]
    plain = [route_match(match, regex=regex) for match in share.matches]
    wanted = _unique(each for one in plain for each in before(one, others))
    rules = [_rule(share, port, chunk) for chunk in _chunks(wanted, MATCHES)]
    if not theirs and not any(each in EVERYTHING for each in wanted):
        rules.insert(0, {"backendRefs": [_to(port.service, port.number)]})
    return [
        _route(named(route_name(share.service, port.number, index)), port, chunk)
        for index, chunk in enumerate(_chunks(rules, RULES))
    ]


def route_name(service: str, port: int, index: int) -> str:
    """``web-kt-mesh-ci-80``, ``web-kt-mesh-ci-80-1`` …"""
    return f"{service}-{port}" + (f"-{index}" if index else "")


def _route(metadata: Manifest, port: Port, rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {"parentRefs": [port.parent], "rules": rules},
    }


def _rule(share: Share, port: Port, matches: list[Manifest]) -> Manifest:
    if share.kind == "mirror":
        mirror = {"backendRef": _to(share.service, port.number)} | _part(share.percent)
        return {
            "matches": matches,
            "filters": [{"type": "RequestMirror", "requestMirror": mirror}],
            "backendRefs": [_to(port.service, port.number)],
        }
    said = [
        {"name": SERVED_BY, "value": share.mark},
        {"name": "cache-control", "value": "no-store"},
    ]
    return {
        "matches": matches,
        "filters": [
            {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": said}},
        ],
        "backendRefs": [_to(share.service, port.number)],
    }


def _part(percent: float) -> Manifest:
    """How many of the requests are copied (GEP-3171); all, where nothing is said."""
    if percent == 100:
        return {}
    if percent == int(percent):
        return {"percent": int(percent)}
    return {"fraction": {"numerator": round(percent * 1000), "denominator": 100_000}}


def _to(service: str, port: int) -> Manifest:
    return {"name": service, "port": port}


def _matches(route: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for rule in route["spec"].get("rules") or ():
        yield from rule.get("matches") or ({},)


def _unique(found: Iterable[Manifest]) -> list[Manifest]:
    kept: list[Manifest] = []
    for each in found:
        if each not in kept:
            kept.append(each)
    return kept


def _chunks(items: list[Manifest], size: int) -> Iterator[list[Manifest]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def attached(
    found: Iterable[Mapping[str, Any]], service: str, namespace: str, port: int
) -> list[Mapping[str, Any]]:
    """Those of these routes, of whatever kind, that have this port of the Service as a parent."""
    return [each for each in found if any(_parents(each, service, namespace, port))]


def _parents(
    route: Mapping[str, Any], service: str, namespace: str, port: int
) -> Iterator[Mapping[str, Any]]:
    own = route["metadata"]["namespace"]
    for parent in route["spec"].get("parentRefs") or ():
        is_service = parent.get("kind") == "Service" and not parent.get("group")
        where = (parent.get("name"), parent.get("namespace", own), parent.get("port", port))
        if is_service and where == (service, namespace, port):
            yield parent


def is_like(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether an object has all that was wanted; what the server has filled in does not count."""
    return _has(stored.get("spec"), wanted["spec"])


def _has(stored: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(stored, dict) and all(
            key in stored and _has(stored[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        same = isinstance(stored, list) and len(stored) == len(wanted)
        return same and all(map(_has, stored, wanted))
    return bool(stored == wanted)


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a route: ``accepted`` None as long as nobody has said."""

    accepted: bool | None
    by: str = ""
    why: str = ""


def standing(route: Mapping[str, Any]) -> Standing:
    """What the implementations say about a route as it is now (RouteParentStatus)."""
    told = [_told(each, route) for each in (route.get("status") or {}).get("parents") or ()]
    for wanted in (True, False):
        for each in told:
            if each.accepted is wanted:
                return each
    return Standing(None)


def _told(parent: Mapping[str, Any], route: Mapping[str, Any]) -> Standing:
    now = route["metadata"].get("generation", 0)
    heard = {
        each["type"]: each
        for each in parent.get("conditions") or ()
        if each.get("observedGeneration", now) >= now
    }
    by = str(parent.get("controllerName") or "")
    states = [heard.get(kind, {}).get("status") for kind in ("Accepted", "ResolvedRefs")]
    if all(state == "True" for state in states):
        return Standing(True, by)
    bad = [each for each in heard.values() if each.get("status") == "False"]
    said = [str(each.get("message") or each.get("reason")) for each in bad if each["type"] in KINDS]
    return Standing(False, by, "; ".join(said)) if said else Standing(None, by)


KINDS: Final = ("Accepted", "ResolvedRefs")
