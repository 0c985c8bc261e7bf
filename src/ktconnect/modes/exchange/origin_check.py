"""Whether callers will be answered without a laptop, too: looked at before anything is switched."""

import asyncio
import errno
import logging
from typing import Protocol

from ktconnect.errors import Forbidden, Refused
from ktconnect.groups import task_group
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.selftest import Reaching
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.objects.ports import PortMap
from ktconnect.tunnel.reach import NotReached
from ktconnect.wire.target import Target

log = logging.getLogger(__name__)

LIMIT = 5.0
"""Seconds until the origin counts as out of the agent's reach."""

REFUSED_FOR = 2.0
"""Seconds for which a refusal may mean that the nodes don't know the new Service yet."""

AGAIN = 0.1


class Backends(Protocol):
    """What is needed of an `origin.Origin` here."""

    def address(self, port: int) -> str:
        """``host:port`` of one of its ports."""

    async def has_backends(self) -> bool:
        """Whether any of its Pods is ready, as far as the cluster has noticed."""


async def check_origin(
    plan: InboundPlan, origin: Backends, tunnel: Reaching, reporter: Reporter
) -> None:
    """Connect from the agent to every exposed TCP port of the origin; nothing is sent there.

    Raises: Refused if there are Pods, but no way to them.
    """
    if not await _may_have_backends(origin):
        return  # which was told when the Service was looked at
    ports = [port for port in plan.exposed if port.protocol == "tcp"]
    if not ports:
        reporter.note("by UDP alone it can't be seen whether the agent reaches the origin")
    async with task_group() as tasks:
        for port in ports:
            tasks.create_task(_check_port(plan, port, origin, tunnel, reporter))


async def _may_have_backends(origin: Backends) -> bool:
    try:
        return await origin.has_backends()
    except Forbidden:
        return True


async def _check_port(
    plan: InboundPlan, port: PortMap, origin: Backends, tunnel: Reaching, reporter: Reporter
) -> None:
    target = Target.parse(f"tcp:{origin.address(port.service_port)}")
    try:
        await reach_soon(tunnel, target)
    except NotReached as error:
        if error.errno != errno.ECONNREFUSED:
            raise Refused(
                f"the agent can't reach the Pods of service {plan.where} at port {port}: {error}; "
                "nothing was switched",
                hint="a NetworkPolicy or a mesh keeps it from them: allow what comes from Pods "
                f"with the label kt-role=shadow-{plan.mode}, or use --mode scale",
            ) from None
        reporter.warn(
            f"the Pods of service {plan.where} refuse connections at port {port}",
            "callers there get no answer but this machine's",
        )


async def reach_soon(tunnel: Reaching, target: Target) -> float:
    """As `Tunnel.reach`; a refusal counts only once it has lasted. Raises: NotReached."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            return await tunnel.reach(target, LIMIT)
        except NotReached as error:
            passed = loop.time() - began
            refused = error.errno == errno.ECONNREFUSED
            if passed > (REFUSED_FOR if refused else LIMIT):
                raise
            log.debug("not yet reached: %s", error)
        await asyncio.sleep(AGAIN)
