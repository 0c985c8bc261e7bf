"""What a session that callers come to shows of itself: counts, calls, what happened meanwhile."""

from dataclasses import dataclass
from datetime import timedelta

from ktconnect.modes.report import CallEnded, Calls, Status
from ktconnect.modes.status import status_of
from ktconnect.objects.ports import PortMap
from ktconnect.sessions.holders import ago
from ktconnect.tunnel.answer import Answers, CallRecord
from ktconnect.tunnel.status import TunnelStatistics
from ktconnect.wire.hello import AgentFacts

from .programs import place
from .selftest import Arrivals
from .way import InboundPlan

AWAY = 1.0
"""Seconds without this machine that are worth a word, even if nobody called."""


@dataclass(slots=True)
class Tally:
    """What agents tell about callers that did not come here, over the lives of all of them."""

    to_origin: int = 0
    failed: int = 0
    refused: int = 0
    _last: AgentFacts | None = None

    def greeted(self, facts: AgentFacts, refused: int) -> str:
        """Take in what a greeting tells; ``refused`` are the calls that this machine has passed on
        to the origin so far, as nothing answered here.

        Returns what happened while this machine was away, for a person; "" if nothing did.
        """
        last = self._last
        new_agent = last is None or facts.calls_to_origin < last.calls_to_origin
        known = None if new_agent else last
        origin = facts.calls_to_origin - (known.calls_to_origin if known else 0)
        failed = facts.calls_failed - (known.calls_failed if known else 0)
        ours, self.refused = refused - self.refused, refused
        self.to_origin += origin
        self.failed += max(0, failed)
        self._last = facts
        if last is None or not facts.alone:
            return ""
        return _away(facts.alone, max(0, origin - ours), max(0, failed))


def _away(seconds: float, origin: int, failed: int) -> str:
    if seconds < AWAY and not (origin or failed):
        return ""
    told = [f"{_callers(origin)} served by the origin"]
    if failed:
        told.append(f"{_callers(failed)} served by nobody")
    length = "a moment" if seconds < AWAY else ago(timedelta(seconds=seconds))
    return f"this machine was away for {length}: {', '.join(told)}"


def _callers(number: int) -> str:
    return "1 caller was" if number == 1 else f"{number:,} callers were"


def calls_now(answers: Answers, tally: Tally, own: Arrivals | None = None, older: int = 0) -> Calls:
    """How many calls there are and were, but for the self-test's ``own``.

    ``older``: connections of the time before, which stay with the Pods.
    """
    running = answers.running()
    ours = [record for record in running if own is not None and own.is_own(record)]
    accepted = sum(record.accepted for record in ours) + (own.own_accepted if own else 0)
    return Calls(
        open=len(running) - len(ours),
        total=answers.answered - accepted,
        refused=answers.refused,
        to_origin=tally.to_origin,
        failed=tally.failed,
        older=older,
    )


def status_now(
    plan: InboundPlan, statistics: TunnelStatistics, calls: Calls, broken: str
) -> Status:
    """The session's state: up only if callers can come all the way."""
    of_tunnel = status_of(statistics)
    health, reason = of_tunnel.health, of_tunnel.reason
    if health == "up" and broken:
        health, reason = "down", broken
    return Status(
        health=health,
        reason=reason,
        round_trip=of_tunnel.round_trip,
        pipes=of_tunnel.pipes,
        streams=of_tunnel.streams,
        received=of_tunnel.received,
        sent=of_tunnel.sent,
        reconnections=of_tunnel.reconnections,
        session=plan.session.name,
        target=plan.where,
        calls=calls,
    )


def call_ended(plan: InboundPlan, record: CallRecord) -> CallEnded:
    """A call as it is shown: by the port of the Service that it came to, and where it led."""
    call = record.call
    found = (each for each in plan.ports if each.listen == (call.protocol, call.port))
    port = next(found, None)
    host = f"[{call.caller}]" if ":" in call.caller else call.caller
    return CallEnded(
        session=plan.session.name,
        service=plan.where,
        port=port.service_port if port else call.port,
        protocol=call.protocol,
        caller=f"{host}:{call.caller_port}",
        target=place(port.target if port and port.target else record.target),
        seconds=round(record.seconds, 4),
        received=record.received,
        sent=record.sent,
        ended=record.ended,
    )


def led(port: PortMap) -> str:
    """``port 80 (http) → 127.0.0.1:8080``."""
    assert port.target is not None, "only exposed ports are shown"
    return f"port {port} → {place(port.target)}"
