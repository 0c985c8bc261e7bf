"""What the router in front of a Service does with one request."""

from collections.abc import Iterator
from typing import Final

from .explain_facts import Copy, Facts, Walk
from .holds import any_holds, described, holds, nearest
from .mark import ORIGIN
from .model import Share
from .order import Rule, ordered, unusable, why_before

READ: Final = ("http", "grpc", "unknown")
"""What is spoken on ports whose requests are read."""


def through_router(walk: Walk) -> Share | None:
    """The share that gets the request; None: the origin does."""
    past = _past(walk)
    reads = walk.facts.port.app in READ and not walk.request.tls
    walk.served_by = ORIGIN if reads else ""
    if past:
        walk.say("router", "passes it on to the origin", past)
        return None
    able = [share for share in walk.facts.shares if not _unable(share, walk.facts)]
    unable = [why for share in walk.facts.shares if (why := _unable(share, walk.facts))]
    fitting = list(_fitting(walk, [share for share in able if share.kind == "mesh"]))
    missed = [*beside(walk), *unable]
    if not fitting:
        walk.say("router", "no rule matches: on to the origin", *missed)
        _note_copies(walk, [share for share in able if share.kind == "mirror"])
        return None
    first, *later = fitting
    wants = f"{name(first.share)} wants {described(first.match)}"
    walk.say("router", f"leads to {name(first.share)}", wants, *_later(first, later), *missed)
    walk.served_by = first.share.mark if reads else ""
    return first.share


def name(share: Share) -> str:
    """How a share is called in front of people."""
    return f"{'the mirror' if share.kind == 'mirror' else share.mark} of {share.user}"


def _past(walk: Walk) -> str:
    """Why no rule is asked; "" if they are."""
    port = walk.facts.port
    if port.app == "udp":
        return f"port {port} is UDP, which has no marks"
    if port.app == "tcp":
        return f"port {port} is not HTTP (its name, appProtocol or number says so)"
    if port.app == "tls" and not walk.request.tls:
        return f"port {port} is TLS, and the request is not"
    return ""


def _unable(share: Share, facts: Facts) -> str:
    """Why a share gets nothing whatever it matches; "" if it does get something."""
    if unusable(share):
        return f"{name(share)} can't be said to the router: {unusable(share)}"
    if not {facts.port.number, *facts.port.beside} & set(share.ports):
        return f"{name(share)} does not take port {facts.port}"
    if share.leaving:
        return f"{name(share)} gets no requests yet, or no more: it is coming or leaving"
    if facts.known is not None and share.service not in facts.known:
        return f"{name(share)} is not in the router's configuration yet"
    return ""


def _fitting(walk: Walk, shares: list[Share]) -> Iterator[Rule]:
    """All that match, the one that wins first; each share once."""
    seen: set[str] = set()
    for rule in ordered(shares):
        if rule.share.service not in seen and holds(rule.match, walk.request):
            seen.add(rule.share.service)
            yield rule


def _later(first: Rule, later: list[Rule]) -> Iterator[str]:
    for rule in later:
        too = f"{name(rule.share)} matches too ({described(rule.match)})"
        yield f"{too}, but {name(first.share)} is asked before: {why_before(first, rule)}"


def beside(walk: Walk) -> Iterator[str]:
    """The sessions whose rules do not match, and what is missing of each."""
    for share in walk.facts.shares:
        if not _unable(share, walk.facts) and not any_holds(share.matches, walk.request):
            missing = " and ".join(nearest(share.matches, walk.request))
            yield f"{name(share)} does not match: {missing}"


def _note_copies(walk: Walk, mirrors: list[Share]) -> None:
    """Only of what the origin answers there are copies."""
    for share in mirrors:
        if not any_holds(share.matches, walk.request):
            continue
        place = walk.facts.places[share.service]
        laptop = next((walk.facts.laptops.get(each.agent) for each in place.ready), None)
        unknown = "", not walk.facts.sessions_seen  # not called dead where nobody may look
        session, alive = (laptop.session, laptop.alive) if laptop else unknown
        to = f"Service {share.service}"
        walk.copies.append(Copy(share.user, session, share.percent, alive, to))
