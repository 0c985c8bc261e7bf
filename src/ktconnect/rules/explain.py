"""What happens to one request of a Service, and why: hop by hop, from what is in the cluster.

Nothing is asked of anybody here: `Facts` in, `Explanation` out.
"""

from dataclasses import asdict, dataclass
from typing import Any

from .explain_facts import Answer, Copy, Facts, Hop, Walk
from .explain_mesh import through_mesh
from .explain_service import arrive
from .request import Request


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way of one request: its hops, who answers, who gets a copy.

    ``notes``: what could not be looked at, so that it may be otherwise. ``served_by``: what the
    answer's header ``x-kt-served-by`` will say; "" if nobody sets it.
    """

    request: Request
    hops: tuple[Hop, ...]
    answer: Answer
    copies: tuple[Copy, ...] = ()
    notes: tuple[str, ...] = ()
    served_by: str = ""

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "request": asdict(self.request),
            "hops": [asdict(hop) for hop in self.hops],
            "answer": asdict(self.answer),
            "copies": [asdict(copy) for copy in self.copies],
            "notes": list(self.notes),
            "servedBy": self.served_by,
        }


def explain(request: Request, facts: Facts) -> Explanation:
    """Follow one request through what was found."""
    walk = Walk(request, facts)
    walk.say("caller", *_caller(facts))
    walk.say("port", *_port(facts))
    found = through_mesh(walk)
    answer = found if isinstance(found, Answer) else arrive(walk, found)
    return Explanation(
        request, tuple(walk.hops), answer, tuple(walk.copies), facts.unseen, walk.served_by
    )


def _caller(facts: Facts) -> tuple[str, ...]:
    beside = {
        "": "without a sidecar",
        "istio": "with Istio's sidecar",
        "ambient": "in an ambient mesh of Istio",
        "linkerd": "with Linkerd's proxy",
        "kuma": "with Kuma's sidecar",
    }
    return (f"{facts.caller.text}, {beside[facts.caller.mesh]}",)


def _port(facts: Facts) -> tuple[str, ...]:
    said = {
        "http": "is declared as HTTP",
        "grpc": "is declared as gRPC",
        "tls": "is declared as TLS",
        "tcp": "is declared, or known, as something else than HTTP",
        "udp": "is UDP",
        "unknown": "says nothing about what it carries, so HTTP is found out by looking",
    }
    return (f"{facts.port} of {facts.service} {said[facts.port.app]}",)
