"""What HTTPRoutes whose parent is a Service do with one request (Gateway API, GEP-1426).

All rules of all routes are taken together, and the most specific one that matches wins, in the
order that the specification gives (HTTPRouteRule, "Proxy or Load Balancer routing precedence").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from .explain_facts import Facts, Manifest
from .explain_ruling import Copied, Leads, Ruling
from .gateway import attached, standing
from .holds import below, fits
from .request import Request

EVERYTHING: Final = [{"path": {"type": "PathPrefix", "value": "/"}}]
NEAR: Final = 3


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One match of one rule of one route."""

    route: Manifest
    number: int
    rule: Manifest
    match: Manifest

    @property
    def name(self) -> str:
        metadata = self.route["metadata"]
        rule = self.rule.get("name") or self.number
        return f"HTTPRoute {metadata['namespace']}/{metadata['name']}, rule {rule}"

    @property
    def rank(self) -> tuple[Any, ...]:
        """Lower comes first."""
        path = self.match.get("path") or {"type": "PathPrefix", "value": "/"}
        metadata = self.route["metadata"]
        return (
            path.get("type") != "Exact",
            -len(path.get("value") or "/"),
            "method" not in self.match,
            -len(self.match.get("headers") or ()),
            -len(self.match.get("queryParams") or ()),
            metadata.get("creationTimestamp") or "",
            f"{metadata['namespace']}/{metadata['name']}",
            self.number,
        )


def gateway_ruling(request: Request, facts: Facts) -> Ruling | None:
    """What becomes of an HTTP request; None if no HTTPRoute has the Service as its parent."""
    routes = children(facts)
    if not routes:
        return None
    why = [text for each in routes if (text := _not_accepted(each))]
    candidates = [each for route in routes for each in _candidates(route)]
    lacking = [(each, tuple(_unmet(each.match, request))) for each in candidates]
    matching = [each for each, missing in lacking if not missing]
    matched = {each.name for each in matching}
    why += list(_passed([pair for pair in lacking if pair[0].name not in matched]))
    if not matching:
        return Ruling("HTTPRoute", ends="404, as no rule of any route matches", why=tuple(why))
    best, *later = sorted(matching, key=lambda each: each.rank)
    names = dict.fromkeys(each.name for each in later if each.name != best.name)
    why += [f"{name} matches too, and comes later" for name in names]
    return _ruling(best, tuple(why))


def children(facts: Facts) -> list[Manifest]:
    """The routes of the Service, by this port, that this caller hears.

    One in another namespace than the Service's is for that namespace's callers (GEP-1426,
    "consumer routes").
    """
    service = facts.service
    found = attached(facts.others.http_routes, service.name, service.namespace, facts.port.number)
    heard = (service.namespace, facts.caller.namespace)
    return [each for each in found if each["metadata"]["namespace"] in heard]


def _not_accepted(route: Manifest) -> str:
    """A route that nobody has accepted has no effect, whatever it says."""
    state = standing(route)
    if state.accepted:
        return ""
    name = f"HTTPRoute {route['metadata']['namespace']}/{route['metadata']['name']}"
    if state.accepted is None:
        return f"{name} is accepted by nobody yet"
    return f"{name} is refused" + (f": {state.why}" if state.why else "")


def _candidates(route: Manifest) -> Iterator[_Candidate]:
    if _not_accepted(route):
        return
    for number, rule in enumerate(route["spec"].get("rules") or (), start=1):
        for match in rule.get("matches") or EVERYTHING:
            yield _Candidate(route, number, rule, match)


def _passed(lacking: list[tuple[_Candidate, tuple[str, ...]]]) -> Iterator[str]:
    """The rules that are nearest to matching, and what the nearest match of each lacks."""
    near: dict[str, tuple[str, ...]] = {}
    for each, missing in sorted(lacking, key=lambda pair: len(pair[1])):
        near.setdefault(each.name, missing)
    for name, missing in list(near.items())[:NEAR]:
        yield f"{name} does not match: {' and '.join(missing)}"


def _unmet(match: Manifest, request: Request) -> Iterator[str]:
    path = match.get("path") or {}
    if path and not _path_fits(path, request.path):
        yield f"path is {request.path!r}, the rule wants {path.get('value')!r}"
    method = match.get("method", request.method)
    if method != request.method:
        yield f"method is {request.method}, the rule wants {method}"
    for each in match.get("headers") or ():
        yield from _unmet_value(
            f"header {each['name']}", each, request.header(each["name"].lower())
        )
    for each in match.get("queryParams") or ():
        yield from _unmet_value(f"parameter {each['name']}", each, request.parameter(each["name"]))


def _path_fits(path: Manifest, found: str) -> bool:
    kind, value = path.get("type", "PathPrefix"), path.get("value", "/")
    if kind == "PathPrefix":
        return below(value, found)
    return fits("exact" if kind == "Exact" else "regex", value, found)


def _unmet_value(what: str, wanted: Manifest, found: str | None) -> Iterator[str]:
    how = "regex" if wanted.get("type") == "RegularExpression" else "exact"
    if found is None:
        yield f"{what} is missing, the rule wants {wanted['value']!r}"
    elif not fits(how, wanted["value"], found):
        yield f"{what} is {found!r}, the rule wants {wanted['value']!r}"


def _ruling(best: _Candidate, why: tuple[str, ...]) -> Ruling:
    namespace = best.route["metadata"]["namespace"]
    filters = best.rule.get("filters") or ()
    refs = best.rule.get("backendRefs") or ()
    redirect = next((each for each in filters if each["type"] == "RequestRedirect"), None)
    ends = "a redirect" if redirect else "" if refs else "500, as it leads nowhere"
    return Ruling(
        best.name,
        tuple(_leads(each, namespace) for each in refs),
        tuple(_copy(each["requestMirror"], namespace) for each in filters if _mirrors(each)),
        ends,
        why,
    )


def _leads(ref: Manifest, namespace: str) -> Leads:
    where = ref.get("namespace", namespace)
    return Leads(ref["name"], where, ref.get("weight", 1), port=ref.get("port", 0))


def _mirrors(each: Manifest) -> bool:
    return bool(each["type"] == "RequestMirror")


def _copy(mirror: Manifest, namespace: str) -> Copied:
    ref, percent = mirror["backendRef"], mirror.get("percent")
    fraction = mirror.get("fraction") or {}
    if percent is None and fraction:
        percent = 100 * fraction["numerator"] / fraction.get("denominator", 100)
    share = 100.0 if percent is None else float(percent)
    return Copied(ref["name"], ref.get("namespace", namespace), share)
