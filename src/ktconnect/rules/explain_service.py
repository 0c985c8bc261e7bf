"""The part of the way from a Service on: to its Pods, to a router, or to somebody's laptop."""

from typing import Final

from .explain_facts import (
    EXCHANGE,
    MESH,
    MIRROR,
    PREVIEW,
    ROUTER,
    Answer,
    Endpoint,
    Laptop,
    Place,
    Walk,
)
from .explain_router import beside, through_router
from .mark import ORIGIN

AGENTS: Final = (EXCHANGE, MESH, MIRROR, PREVIEW)
AWAY: Final = "the agent passes callers on to the origin"
ORIGINAL: Final = "the original Pods"
OLD: Final = "KT Connect 0.3 has no way back to the origin; `ktctl recover` makes one"


def arrive(walk: Walk, place: Place) -> Answer:
    """Who answers what comes to a Service."""
    if not place.endpoints:
        return _nobody(walk, place)
    if place.role == ROUTER:
        return _by_router(walk, place)
    if place.role in AGENTS:
        return by_agent(walk, place)
    if place.name == walk.facts.service.name:
        _left_out(walk)
    return _pods(walk, place)


def by_agent(walk: Walk, place: Place) -> Answer:
    """An agent takes its callers to its laptop; while that is silent, to the origin."""
    endpoint = next(iter(place.ready), None)
    if endpoint is None:
        walk.say(str(place), f"leads to agent {place.endpoints[0].pod}, not ready", fine=False)
        return Answer("nobody", "the agent is not ready")
    walk.say(str(place), f"leads to agent {endpoint.pod}")
    laptop = walk.facts.laptops.get(endpoint.agent)
    if laptop is None and not walk.facts.sessions_seen:
        return _not_seen(walk, place)
    if laptop is None:
        return _to_origin(walk, "no session speaks for the agent any more", fine=False)
    if not endpoint.takes(walk.facts.port):
        said = f"{laptop.user} did not ask for port {walk.facts.port}"
        return _to_origin(walk, f"{said}: the agent passes it on")
    if not laptop.alive and endpoint.old:
        walk.say("laptop", f"{laptop.user} is silent for {laptop.heard}", OLD, fine=False)
        return Answer("nobody", "a shadow of KT Connect 0.3 without its laptop")
    if not laptop.alive:
        silent = f"the laptop of {laptop.user} is silent for {laptop.heard}"
        return _to_origin(walk, f"{silent}: its agent passes callers on", fine=False)
    late = f"it was heard {laptop.heard} ago, which is long: if it is away, {AWAY}"
    says = f"{laptop.user} answers ({laptop.session})"
    walk.say("laptop", says, *([late] if laptop.late else []), fine=not laptop.late)
    return _laptop(walk, place, laptop, passes_on=not endpoint.old)


def _not_seen(walk: Walk, place: Place) -> Answer:
    """Whose laptop it is stands on a Lease; on a share, too, but not whether that is alive."""
    whose = f"the laptop of {place.share.user}" if place.share else "somebody's laptop"
    why = "you may not list leases: whether that laptop is alive is not known"
    walk.say("laptop", f"{whose}, or {AWAY}", why, fine=False)
    return Answer("unknown", f"{whose}, or the origin while that is away")


def _laptop(walk: Walk, place: Place, laptop: Laptop, *, passes_on: bool) -> Answer:
    share = place.share
    behind = walk.facts.places.get(walk.facts.origin)
    has_origin = behind is not None and bool(behind.endpoints) and behind.role not in AGENTS
    return Answer(
        "laptop",
        f"the laptop of {laptop.user}",
        user=laptop.user,
        mark=share.signature if share else "",
        session=laptop.session,
        heard=laptop.heard,
        late=laptop.late,
        otherwise=ORIGINAL if passes_on and has_origin else "",
    )


def _to_origin(walk: Walk, why: str, *, fine: bool = True) -> Answer:
    walk.say("agent", why, fine=fine)
    return origin(walk)


def origin(walk: Walk) -> Answer:
    """The Pods that there were before us."""
    place = walk.facts.places.get(walk.facts.origin)
    if place is None or not place.endpoints:
        walk.say("origin", f"{walk.facts.origin or 'the origin'} leads to nobody", fine=False)
        return Answer("nobody", "the origin has no Pods")
    return _pods(walk, place)


def _by_router(walk: Walk, place: Place) -> Answer:
    pods = ", ".join(each.pod for each in place.ready)
    if not pods:
        walk.say(str(place), "leads to a router that is not ready", fine=False)
        return Answer("nobody", "the router is not ready")
    walk.say(str(place), f"leads to router {pods}")
    if any(each.old for each in place.ready):
        walk.say("router", "is one of KT Connect 0.3; its rules can't be seen from outside")
        return Answer("unknown", "what KT Connect's router chooses")
    share = through_router(walk)
    if share is None:
        return origin(walk)
    chosen = walk.facts.places[share.service]
    return by_agent(walk, chosen) if chosen.endpoints else _gone(walk, chosen)


def _gone(walk: Walk, chosen: Place) -> Answer:
    """A router takes who can't be connected to for gone, and goes on to the origin."""
    walk.say(str(chosen), "leads to no agent: the router goes on to the origin", fine=False)
    walk.served_by = ORIGIN if walk.served_by else ""
    return origin(walk)


def _left_out(walk: Walk) -> None:
    """Sessions that want a share of requests that no router and no rule tells apart."""
    if walk.facts.shares and not walk.heard:
        told = [f"{each.user} ({each.mark})" for each in walk.facts.shares]
        why = f"{walk.facts.service} leads past the router, or there is none yet"
        to = ", ".join(told)
        walk.say("sessions", f"nothing leads requests to {to}", why, *beside(walk), fine=False)


def _pods(walk: Walk, place: Place) -> Answer:
    own = [each for each in place.ready if each.role not in AGENTS]
    agents = [each for each in place.ready if each.role in AGENTS]
    names = tuple(each.pod for each in place.ready)
    if not names:
        walk.say(str(place), f"none of its {len(place.endpoints)} Pods is ready", fine=False)
        return Answer("nobody", f"no Pod behind {place} is ready")
    whole = f"one of {len(names)} Pods" if len(names) > 1 else "its Pod"
    headless = ("it is headless: callers choose a Pod by DNS",) if place.headless else ()
    walk.say(str(place), f"leads to {whole}: {shown(names)}", *headless, *_mixed(walk, agents))
    return Answer("origin", f"the Pods of {walk.facts.service}", tuple(each.pod for each in own))


def _mixed(walk: Walk, agents: list[Endpoint]) -> list[str]:
    """Agents beside the Service's own Pods: whoever is not led by a rule may meet them."""
    laptops = [walk.facts.laptops.get(each.agent) for each in agents]
    return [
        f"one of them is the agent of {laptop.user} ({laptop.mode}): calls that no rule leads "
        "are balanced between it and the others"
        for laptop in laptops
        if laptop is not None
    ]


def _nobody(walk: Walk, place: Place) -> Answer:
    if place.kind == "ExternalName":
        walk.say(str(place), "is a name outside the cluster")
        return Answer("unknown", "whoever has that name")
    if place.namespace != walk.facts.service.namespace:
        walk.say(str(place), f"is in namespace {place.namespace}, where was not looked")
        return Answer("unknown", f"{place} in namespace {place.namespace}")
    why = "its selector finds no Pod" if place.selector else "it has no selector and no endpoints"
    walk.say(str(place), "leads to nobody", why, *beside(walk), fine=False)
    return Answer("nobody", f"{place} has no endpoints")


def shown(names: tuple[str, ...], most: int = 5) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
