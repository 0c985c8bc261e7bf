"""One request, sent from inside the cluster with a mark of its own: what did happen to it."""

import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Final

from ktconnect.errors import KtError, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.report import Reporter
from ktconnect.names import SERVED_BY
from ktconnect.objects.origin import address_of
from ktconnect.objects.session import Manifest
from ktconnect.rules.explain import Explanation
from ktconnect.rules.explain_facts import Answer as Whose
from ktconnect.rules.explain_facts import Facts
from ktconnect.rules.mark import ORIGIN
from ktconnect.rules.request import Request
from ktconnect.traffic.asking import BadAnswer
from ktconnect.traffic.exchange import Answer, header
from ktconnect.traffic.exchange import Request as Sent
from ktconnect.tunnel.tunnel import Tunnel

from .probe import probe
from .sending import ask
from .spec import ExplainSpec

NO_PROGRAM: Final = ("upstream connect error", "no healthy upstream", "upstream request timeout")
"""How an Envoy begins what it says itself, where no program has answered (Envoy, local replies)."""

LED: Final = "it names whom the request was led to, whose agent passes it on"
TRACE: Final = "x-kt-trace"
NOBODY: Final = {
    "laptop": "nobody answered, though a laptop was expected to",
    "origin": "nobody answered, though the origin was expected to",
    "rule": "nobody answered, though a rule was expected to",
    "unknown": "nobody answered, and who would was not known",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request. ``failure``: why there is no answer, then ``status`` is 0.

    ``served_by``: what the answer says of whom the request was led to. ``no_program``: what a proxy
    said in place of an answer, as no program gave one. ``as_explained``: whether it all fits; None
    if nothing tells. ``seconds``: until the answer had ended.
    """

    trace: str
    status: int = 0
    served_by: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    failure: str = ""
    no_program: str = ""
    as_explained: bool | None = None
    says: str = ""

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "trace": self.trace,
            "status": self.status,
            "servedBy": self.served_by,
            "headers": [list(pair) for pair in self.headers],
            "seconds": round(self.seconds, 4),
            "failure": self.failure,
            "noProgram": self.no_program,
            "asExplained": self.as_explained,
            "says": self.says,
        }


def check_sendable(request: Request) -> None:
    """Raises: UsageError for one that only HTTP/2 can say."""
    if request.grpc:
        raise UsageError(
            "--live speaks HTTP/1.1, which no gRPC server understands",
            hint="call it with a client of yours, and the header x-kt-trace; or leave out --live",
        )


async def try_live(
    spec: ExplainSpec,
    cluster: Cluster,
    service: Manifest,
    facts: Facts,
    explanation: Explanation,
    reporter: Reporter,
) -> Outcome:
    """Send it, and hold what came against what was expected.

    Raises: UsageError for a Service without an address; what an agent raises that can't start.
    """
    address = address_for(service, facts)
    trace = secrets.token_hex(8)
    sent = request_to(explanation.request, facts, trace)
    async with probe(spec, cluster, service["metadata"]["namespace"], reporter) as tunnel:
        with reporter.step(f"Sending it to {address}") as step:
            outcome = await _sent(tunnel, address, sent, explanation, spec.timeout)
            step.says(f"Sent to {address} with {TRACE}: {trace}")
    return outcome


async def _sent(
    tunnel: Tunnel, address: str, sent: Sent, said: Explanation, limit: float
) -> Outcome:
    began, trace = time.monotonic(), dict(sent.headers)[TRACE]
    try:
        tls = said.request.host if said.request.tls else None
        answer = await ask(tunnel, address, sent, limit, tls)
    except (OSError, BadAnswer, KtError) as error:
        return compared(said, Outcome(trace, failure=str(error) or "no answer"))
    return compared(said, outcome_of(answer, trace, time.monotonic() - began))


def outcome_of(answer: Answer, trace: str, seconds: float) -> Outcome:
    """An answer, not yet held against anything."""
    served_by = header(answer.headers, SERVED_BY)
    said = no_program(answer)
    return Outcome(trace, answer.status, served_by, answer.headers, seconds, no_program=said)


def no_program(answer: Answer) -> str:
    """What a proxy on the way said itself, as no program answered; "" if one did, for all that can
    be seen. (``server: envoy`` stands on answers of programs, too.)"""
    text = answer.body.data[:200].decode("utf-8", "replace").strip()
    return text if answer.status >= 500 and text.startswith(NO_PROGRAM) else ""


def compared(said: Explanation, outcome: Outcome) -> Outcome:
    """The same, with what it says about the explanation."""
    fits, words = _verdict(said, outcome)
    return replace(outcome, as_explained=fits, says=words)


def _verdict(said: Explanation, outcome: Outcome) -> tuple[bool | None, str]:
    expected = said.answer.by
    if outcome.failure:
        fits = expected == "nobody"
        return fits, "as explained: nobody answers" if fits else NOBODY[expected]
    if outcome.no_program:
        return _by_proxy(expected, outcome)
    if expected == "nobody" and outcome.status < 500:
        return False, "somebody answered, though nobody was expected to"
    if expected == "nobody":
        return None, f"status {outcome.status}: whether a program or a proxy said so is not known"
    if outcome.status >= 500 and said.served_by and not outcome.served_by:
        return False, f"{NOBODY[expected]}: status {outcome.status} without {SERVED_BY}"
    led, words = _served(said.served_by, outcome.served_by)
    if led and expected == "laptop":
        return None if said.answer.late else led, _led(said.answer, outcome.served_by)
    passed_on = expected == "origin" and outcome.served_by not in ("", ORIGIN)
    return led, f"{words} ({LED})" if led and passed_on else words


def _led(answer: Whose, served_by: str) -> str:
    """The header is set on the way to an agent: it can't tell whether the laptop was there."""
    if not answer.otherwise:  # then nobody else can have answered
        return f"as explained: {SERVED_BY}: {served_by}"
    heard = f"; it was last heard {answer.heard} ago" if answer.heard else ""
    long = ", which is long" if answer.late else ""
    return (
        f"led as explained, to {answer.who} ({SERVED_BY}: {served_by}); if that laptop is away, "
        f"its agent passed it on to {answer.otherwise}{heard}{long}"
    )


def _by_proxy(expected: str, outcome: Outcome) -> tuple[bool, str]:
    """A proxy's own words are nobody's answer, whatever they are headed with."""
    told = f"status {outcome.status} is of a proxy on the way ({outcome.no_program})"
    if expected == "nobody":
        return True, f"as explained: nobody answers; {told}"
    return False, f"not as explained: {NOBODY[expected]}; {told}"


def _served(expected: str, found: str) -> tuple[bool | None, str]:
    if not expected and not found:
        return None, f"the answer does not say who gave it ({SERVED_BY} is missing)"
    told = f"{SERVED_BY}: {found}" if found else f"{SERVED_BY} is missing"
    if expected == found:
        return True, f"as explained: {told}"
    return False, f"not as explained: {told}, expected was {expected or 'none'}"


def request_to(request: Request, facts: Facts, trace: str) -> Sent:
    """The request as it is sent: with ``Host`` and the trace mark."""
    host = request.host or f"{facts.service.name}.{facts.service.namespace}"
    headers = (("Host", host), *request.headers, (TRACE, trace))
    return Sent(request.method, request.target, headers)


def address_for(service: Manifest, facts: Facts) -> str:
    """Where it is sent to. Raises: UsageError where no request can be."""
    if service["spec"].get("clusterIP") in (None, "", "None"):
        raise UsageError(
            f"Service {facts.service.name} has no address of its own to send a request to",
            hint="leave out --live, or name a Service that has a cluster IP",
        )
    if facts.port.app == "udp":
        raise UsageError(f"port {facts.port} is UDP: no request can be sent there")
    return address_of(service, facts.port.number)
