"""The part of the way that belongs to a service mesh: whose rules are heard, and what they say."""

from dataclasses import replace
from typing import Final

from .explain_facts import Answer, Copy, Facts, Place, Walk
from .explain_gateway import children, gateway_ruling
from .explain_istio import governing, istio_ruling, subset_labels
from .explain_ruling import Leads, Ruling

NAMES: Final = {
    "istio": "Istio's sidecar",
    "ambient": "Istio's waypoint",
    "linkerd": "Linkerd's proxy",
    "kuma": "Kuma's sidecar",
}


def through_mesh(walk: Walk) -> Place | Answer:
    """Where the request goes next: a Service, or an answer by a rule itself."""
    facts = walk.facts
    if not _has_rules(facts):
        return facts.service
    deaf = _deaf(walk)
    if deaf:
        walk.say(*deaf, fine=False)
        walk.heard = True
        return facts.service
    ruling = _ruling(walk)
    if ruling is None:
        at, rules = NAMES[facts.caller.mesh], ", ".join(_rules(facts))
        walk.say(at, f"hears no rule for this host ({rules} is for others)")
        return facts.service
    return _follow(walk, ruling)


def _has_rules(facts: Facts) -> bool:
    return bool(_rules(facts))


def _rules(facts: Facts) -> list[str]:
    """The rules for this host, by name."""
    routes = children(facts)
    found = governing(facts)
    named = [f"VirtualService {found['metadata']['name']}"] if found is not None else []
    return [*named, *(f"HTTPRoute {each['metadata']['name']}" for each in routes)]


def _deaf(walk: Walk) -> tuple[str, ...]:
    """Why nobody reads the rules on the way of this request; () if somebody does."""
    facts, caller = walk.facts, walk.facts.caller
    rules = f"{', '.join(_rules(facts))}: not heard"
    if not caller.mesh:
        why = f"{caller.text} has no sidecar, and rules of a mesh are read by the caller's"
        return ("mesh", rules, why)
    if caller.mesh == "ambient" and not facts.waypoint:
        why = "the mesh is ambient and the Service has no waypoint: no hop on the way reads HTTP"
        return ("mesh", rules, why, f"a waypoint is what {facts.service} lacks")
    if walk.request.tls:
        return ("mesh", rules, "the caller encrypts by itself, so no proxy sees the request")
    if facts.port.app not in ("http", "grpc", "unknown"):
        why = f"port {facts.port} is not declared as HTTP (its name or appProtocol says so)"
        return ("mesh", rules, why)
    return ()


def _ruling(walk: Walk) -> Ruling | None:
    """A VirtualService where Istio is; else, and where there is none, routes of the Gateway API."""
    if walk.facts.caller.mesh in ("istio", "ambient"):
        found = istio_ruling(walk.request, walk.facts)
        if found is not None:
            return found
    return gateway_ruling(walk.request, walk.facts)


def _follow(walk: Walk, ruling: Ruling) -> Place | Answer:
    at = NAMES[walk.facts.caller.mesh]
    walk.heard = True
    _note_copies(walk, ruling)
    leads = ruling.main
    if ruling.ends or leads is None:
        ends = ruling.ends or "503, as it leads to nobody"
        walk.say(at, f"{ruling.rule} answers: {ends}", *ruling.why, fine=False)
        return Answer("rule", f"{ruling.rule}: {ends}")
    split = [f"it splits: {ruling.split}; the first is followed"] if ruling.split else []
    place = _place(walk.facts, leads)
    walk.say(at, f"{ruling.rule} leads to {leads}", *split, *ruling.why, fine=place is not None)
    if place is None:
        return Answer("nobody", f"{leads}, which is not there")
    if place.share is not None:
        walk.served_by = place.share.signature
    return _subset(walk, place, leads)


def _subset(walk: Walk, place: Place, leads: Leads) -> Place | Answer:
    """Those of its Pods that are meant; the agent of `mesh --mode manual` may be one."""
    if not leads.subset:
        return place
    labels = subset_labels(leads, walk.facts)
    if labels is None:
        return Answer("nobody", f"no DestinationRule knows subset {leads.subset}: 503")
    pods = tuple(each for each in place.ready if labels.items() <= each.labels.items())
    if not pods:
        return Answer("nobody", f"no ready Pod is in subset {leads.subset}: 503")
    return replace(place, endpoints=pods)


def _place(facts: Facts, leads: Leads) -> Place | None:
    if leads.namespace != facts.service.namespace:
        return Place(leads.name, leads.namespace)
    if leads.name == facts.service.name:
        return facts.service
    return facts.places.get(leads.name)


def _note_copies(walk: Walk, ruling: Ruling) -> None:
    for each in ruling.copies:
        place = walk.facts.places.get(each.name)
        agents = place.ready if place else ()
        laptop = next((walk.facts.laptops.get(one.agent) for one in agents), None)
        user = place.share.user if place and place.share else ""
        walk.copies.append(
            Copy(
                user,
                laptop.session if laptop else "",
                each.percent,
                laptop.alive if laptop else bool(agents),
                f"Service {each.name}",
            )
        )
