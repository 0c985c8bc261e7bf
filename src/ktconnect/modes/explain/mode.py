"""`ktctl explain`: gather, evaluate, and on request try."""

from dataclasses import dataclass

from ktconnect.kube.client import Cluster
from ktconnect.modes.report import Reporter
from ktconnect.modes.targets import find_service
from ktconnect.objects.session import Manifest
from ktconnect.rules.explain import Explanation, explain
from ktconnect.rules.explain_facts import Facts

from .caller import namespace_of
from .facts import facts_of
from .live import Outcome, check_sendable, try_live
from .seen import look
from .spec import ExplainSpec


@dataclass(frozen=True, slots=True)
class Explained:
    """What would happen to a request of a Service's port, and what did if it was sent."""

    namespace: str
    service: str
    port: int
    explanation: Explanation
    outcome: Outcome | None = None


async def run(spec: ExplainSpec, cluster: Cluster, reporter: Reporter) -> Explained:
    """Explain one request; with ``spec.live`` send it, too.

    Raises: UsageError for a Service, port or caller that isn't there; Forbidden where not even
    Services may be listed; and what an agent raises that can't be started.
    """
    if spec.live:
        check_sendable(spec.request)
    namespace = spec.cluster.namespace or cluster.namespace
    service = await find_service(cluster, namespace, spec.service)
    facts = await gather(spec, cluster, service)
    explanation = explain(spec.request, facts)
    outcome = None
    if spec.live:
        outcome = await try_live(spec, cluster, service, facts, explanation, reporter)
    return Explained(
        namespace, service["metadata"]["name"], facts.port.number, explanation, outcome
    )


async def gather(spec: ExplainSpec, cluster: Cluster, service: Manifest) -> Facts:
    """All that is known of a Service's callers' way. Raises: UsageError, Unreachable."""
    where = namespace_of(spec.caller, service["metadata"]["namespace"])
    seen = await look(cluster, service, where)
    return facts_of(seen, spec.port, spec.caller, grpc=bool(spec.request.grpc))
