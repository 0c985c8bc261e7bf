"""What an agent that callers come to is told, and how its Pod looks."""

import secrets
from collections.abc import Iterable
from dataclasses import replace

from ktconnect.modes.agentplan import AgentPlan
from ktconnect.objects.agent import AgentPod, AgentPort
from ktconnect.objects.ports import PortMap, agent_port, listens, ready_port
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec, Guard, Listen

from .spec import ServingSpec
from .way import InboundPlan, Origins


def agent_plan(
    plan: InboundPlan,
    spec: ServingSpec,
    origins: Origins,
    labels: tuple[tuple[str, str], ...],
    account: tuple[str, bool],
) -> AgentPlan:
    """The agent for ``plan``. ``account``: its ServiceAccount, and whether that may undo."""
    name, may_undo = account
    token = secrets.token_hex(32)
    guard = Guard(plan.namespace, plan.session.name, spec.restore_after, plan.shared)
    orders = AgentSpec(
        token_digest(token),
        agent_port(plan.ports),
        listening(plan.ports, origins, copied=plan.mode == "mirror"),
        guard if may_undo else None,
        ready_port(plan.ports) if plan.alone else 0,
    )
    pod: AgentPod = replace(
        spec.cluster.agent,
        ports=tuple(AgentPort(p.pod_port, p.protocol, p.name) for p in listens(plan.ports)),
        labels=labels,
        service_account=name,
        token=may_undo,
        ready=orders.ready,
        at_once=plan.at_once,
    )
    return AgentPlan(plan.agent, pod, orders, token)


def listening(
    ports: Iterable[PortMap], origins: Origins, *, copied: bool = False
) -> tuple[Listen, ...]:
    """One for each port of the Pod; where several ports of the Service share it, the first says
    where its origin is. ``copied``: the origin answers, and the laptop gets a copy."""
    found: dict[tuple[str, int], Listen] = {}
    for port in ports:
        origin = origins.get(port, "")
        listen = Listen(port.protocol, port.pod_port, origin, port.target is not None)
        if copied and origin and listen.to_laptop:
            listen = replace(listen, to_laptop=False, copied=True)
        if origin or listen.to_laptop:  # a port that leads nowhere has nobody behind it
            found.setdefault(port.listen, listen)
    return tuple(found.values())
