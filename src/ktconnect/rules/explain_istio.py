"""What Istio's rules do with one request (Istio, "Virtual Service", "Destination Rule").

A proxy beside the caller takes the first rule that matches, of the one VirtualService that is for
the host; which one that is, `istio_hosts` says.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .explain_facts import Caller, Facts, Manifest
from .explain_ruling import Copied, Leads, Ruling
from .holds import fits
from .istio_hosts import MESH, is_seen_in
from .istio_hosts import governing as governing_of
from .request import Request

NEAR: Final = 3
"""How many rules that do not match are told, the first ones."""


def istio_ruling(request: Request, facts: Facts) -> Ruling | None:
    """What becomes of an HTTP request; None if no VirtualService is for the host."""
    found = governing(facts)
    if found is None:
        return None
    whose = f"VirtualService {_where(found)}"
    passed: list[str] = []
    for number, rule in enumerate(found["spec"].get("http") or (), start=1):
        name = f"{whose}, rule {rule.get('name') or number}"
        missing = unmet(rule, request, facts)
        if missing:
            passed.append(f"rule {rule.get('name') or number} does not match: {missing}")
            continue
        return _ruling(name, rule, found, (*passed[:NEAR], *_later(facts, found)))
    return Ruling(whose, ends="404, as no rule of it matches", why=tuple(passed))


def governing(facts: Facts) -> Manifest | None:
    """The VirtualService that a proxy beside the caller goes by."""
    return _first(_heard(facts), facts)


def _heard(facts: Facts) -> list[Manifest]:
    """Those that say nothing against this caller."""
    rules = facts.others.virtual_services
    return [each for each in rules if is_seen_in(each, facts.caller.namespace)]


def _first(rules: list[Manifest], facts: Facts) -> Manifest | None:
    return governing_of(rules, facts.service.name, facts.service.namespace)


def _later(facts: Facts, taken: Manifest) -> Iterator[str]:
    """Others for the same host: of them nobody hears."""
    rules = _heard(facts)
    while (found := _first(rules, facts)) is not None:
        if found is not taken:
            yield f"VirtualService {_where(found)} is for the same host and comes later: not heard"
        rules = [each for each in rules if each is not found]


def host_of(host: str, namespace: str) -> tuple[str, str]:
    """Name and namespace of the Service that a rule in ``namespace`` calls ``host``."""
    name, dot, rest = host.partition(".")
    return (name, rest.partition(".")[0]) if dot else (name, namespace)


def _where(rule: Manifest) -> str:
    return f"{rule['metadata']['namespace']}/{rule['metadata']['name']}"


def unmet(rule: Manifest, request: Request, facts: Facts) -> str:
    """What keeps a rule from matching, by the match that is nearest; "" if it matches."""
    matches = rule.get("match") or ()
    lacking = sorted((list(_unmet(match, request, facts)) for match in matches), key=len)
    return " and ".join(lacking[0]) if lacking else ""


def _unmet(match: Manifest, request: Request, facts: Facts) -> Iterator[str]:
    yield from _unmet_words(match, request)
    yield from _unmet_maps(match, request)
    if "port" in match and match["port"] != facts.port.number:
        yield f"port is {facts.port.number}, the rule wants {match['port']}"
    yield from _unmet_caller(match, facts.caller)


def _unmet_words(match: Manifest, request: Request) -> Iterator[str]:
    found = {
        "uri": request.path,
        "method": request.method,
        "authority": request.host,
        "scheme": "http",
    }
    for part, value in found.items():
        if part in match and not _string(match[part], value, match.get("ignoreUriCase") is True):
            yield f"{part} is {value!r}, the rule wants {_wish(match[part])}"


def _unmet_maps(match: Manifest, request: Request) -> Iterator[str]:
    for name, wanted in (match.get("headers") or {}).items():
        yield from _unmet_value(f"header {name}", wanted, request.header(name.lower()))
    for name, wanted in (match.get("queryParams") or {}).items():
        yield from _unmet_value(f"parameter {name}", wanted, request.parameter(name))
    for name, unwanted in (match.get("withoutHeaders") or {}).items():
        found = request.header(name.lower())
        if found is not None and _string(unwanted, found):
            yield f"header {name} is {found!r}, the rule wants it not to be"


def _unmet_value(what: str, wanted: Mapping[str, Any], found: str | None) -> Iterator[str]:
    if found is None:
        yield f"{what} is missing, the rule wants {_wish(wanted)}"
    elif not _string(wanted, found):
        yield f"{what} is {found!r}, the rule wants {_wish(wanted)}"


def _unmet_caller(match: Manifest, caller: Caller) -> Iterator[str]:
    labels = match.get("sourceLabels") or {}
    if not labels.items() <= caller.labels.items():
        yield f"{caller.text} has not the labels {_shown(labels)}"
    namespace = match.get("sourceNamespace") or caller.namespace
    if namespace != caller.namespace:
        yield f"the caller is in {caller.namespace}, the rule wants {namespace}"
    if MESH not in (match.get("gateways") or [MESH]):
        yield f"it is for gateways alone: {', '.join(match['gateways'])}"


def _string(wanted: Mapping[str, Any], found: str, ignore_case: bool = False) -> bool:
    """Istio's StringMatch; an empty one wants the name alone."""
    for how in ("exact", "prefix", "regex"):
        if how in wanted:
            if ignore_case and how != "regex":
                return fits(how, wanted[how].lower(), found.lower())
            return fits(how, wanted[how], found)
    return True


def _wish(wanted: Mapping[str, Any]) -> str:
    words = {"exact": "", "prefix": "one that begins with ", "regex": "what matches "}
    said = [f"{words[how]}{value!r}" for how, value in wanted.items() if how in words]
    return " or ".join(said) or "any"


def _shown(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _ruling(name: str, rule: Manifest, whole: Manifest, why: tuple[str, ...]) -> Ruling:
    namespace = whole["metadata"]["namespace"]
    routes = rule.get("route") or ()
    return Ruling(
        name,
        tuple(_leads(each, namespace, len(routes)) for each in routes),
        tuple(_copies(rule, namespace)),
        _ends(rule),
        (*why, *_faults(rule)),
    )


def _leads(route: Manifest, namespace: str, several: int) -> Leads:
    to = route["destination"]
    name, where = host_of(to["host"], namespace)
    weight = route.get("weight", 1 if several == 1 else 0)
    port = (to.get("port") or {}).get("number", 0)
    return Leads(name, where, weight, to.get("subset", ""), port)


def _copies(rule: Manifest, namespace: str) -> Iterator[Copied]:
    if "mirror" in rule:
        percent = (rule.get("mirrorPercentage") or {}).get("value", 100.0)
        yield Copied(*host_of(rule["mirror"]["host"], namespace), percent)
    for each in rule.get("mirrors") or ():
        percent = (each.get("percentage") or {}).get("value", 100.0)
        yield Copied(*host_of(each["destination"]["host"], namespace), percent)


def _ends(rule: Manifest) -> str:
    if "redirect" in rule:
        return f"a redirect, {rule['redirect'].get('redirectCode', 301)}"
    if "directResponse" in rule:
        return f"{rule['directResponse'].get('status', 200)}, by the rule itself"
    if "delegate" in rule:
        return f"what VirtualService {rule['delegate'].get('name')} says, which is not followed"
    return ""


def _faults(rule: Manifest) -> Iterator[str]:
    for kind, fault in (rule.get("fault") or {}).items():
        percent = (fault.get("percentage") or {}).get("value", 100.0)
        yield f"it puts a fault in: {kind}, of {percent:g} % of requests"


def subset_labels(leads: Leads, facts: Facts) -> Mapping[str, str] | None:
    """The labels of a subset's Pods; None if no DestinationRule knows the subset."""
    for rule in facts.others.destination_rules:
        host = host_of(rule["spec"]["host"], rule["metadata"]["namespace"])
        if host == (leads.name, leads.namespace):
            for subset in rule["spec"].get("subsets") or ():
                if subset["name"] == leads.subset:
                    labels: Mapping[str, str] = subset.get("labels") or {}
                    return labels
    return None
