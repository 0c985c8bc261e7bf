"""A shop whose Service ``web`` is shared, as facts for `explain`."""

from ktconnect.rules.explain_facts import Caller, Endpoint, Facts, Laptop, Others, Place, Port
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Share

HTTP = Port(80, "http", "http", 8080)
WEB = Endpoint("web-1", True, {"app": "web", "version": "v1"})
ROUTER = Endpoint("web-kt-router-1", True, {}, "router", "web-kt-router")
ORIGIN = Place("web-kt-origin", "shop", (WEB,), {"app": "web"})


def share(mark="ci", *matches, kind="mesh", since="2026-01-01T00:00:00Z", **fields):
    said = tuple(parse_match(text) for text in matches or (f"header:version={mark}",))
    return Share(
        kind,
        f"web-kt-{kind}-{mark}",
        "10.96.0.9",
        mark,
        fields.pop("user", "ann@laptop"),
        since,
        said,
        fields.pop("ports", (80,)),
        **fields,
    )


def own(share, *, ready=True, **fields):
    """The session's own Service, with its agent."""
    agent = Endpoint(f"{share.service}-1", ready, {}, f"shadow-{share.kind}", share.service)
    agent = Endpoint(**{**{name: getattr(agent, name) for name in agent.__slots__}, **fields})
    return Place(share.service, "shop", (agent,), share=share, of="web")


def laptop(share, *, alive=True):
    return Laptop(f"kt-{share.kind}-web-{share.mark}", share.kind, share.user, alive, "40 s")


def facts(*shares, behind=(ROUTER,), port=HTTP, dead=(), places=(), **fields):
    """``behind``: the Pods behind the Service; ``dead``: marks whose laptops are silent."""
    web = Place("web", "shop", tuple(behind), {"app": "web-kt-router"})
    there = [web, ORIGIN, *map(own, shares), *places]
    return Facts(
        fields.pop("service", web),
        port,
        fields.pop("caller", Caller("Pod front-1", "shop", {"app": "front"})),
        {each.name: each for each in there},
        {each.service: laptop(each, alive=each.mark not in dead) for each in shares}
        | fields.pop("laptops", {}),
        fields.pop("origin", "web-kt-origin"),
        others=fields.pop("others", Others()),
        **fields,
    )


def plain(**fields):
    """Nobody has taken anything."""
    service = fields.pop("service", Place("web", "shop", (WEB,), {"app": "web"}))
    return facts(service=service, behind=(WEB,), origin="web", **fields)


def why(explanation, at):
    """What is said at a hop, with its reasons."""
    [hop] = [each for each in explanation.hops if each.at == at]
    return " | ".join((hop.says, *hop.why))
