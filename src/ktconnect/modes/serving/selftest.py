"""Proof by a call: from inside the cluster, through the Service, to this machine.

The agent connects to the Service as any caller would, and the laptop waits for that call to come
in. Nothing is sent; what is exposed sees one connection that is opened and closed again.
"""

import asyncio
import errno
import logging
from collections.abc import Awaitable
from typing import Protocol

from ktconnect.errors import KtError, TunnelClosed
from ktconnect.objects.origin import address_of
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import Manifest
from ktconnect.tunnel.answer import CallRecord
from ktconnect.tunnel.reach import NotReached
from ktconnect.wire.call import Call
from ktconnect.wire.target import Target

from .way import InboundPlan

log = logging.getLogger(__name__)

WITHIN = 6.0
"""Seconds until it is given up: nodes take their time to learn where a Service leads."""

ONE_TRY = 0.4
"""Seconds for one connection to come back; it may have gone to where callers went before."""


class Reaching(Protocol):
    """What is needed of a `Tunnel` here."""

    async def reach(
        self, target: Target, limit: float = ..., hold: Awaitable[object] | None = None
    ) -> float:
        """See `Tunnel.reach`."""


class Unproven(KtError):
    """No call came back; the message says why that proves nothing, or what it means."""


class Arrivals:
    """The calls as they come in, for whoever waits for one, and which of them were waited for."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], asyncio.Future[float]] = {}
        self._own: set[Call] = set()
        self.own_accepted = 0
        """The test's own calls that have ended and that their targets had accepted."""

    def heard(self, text: str) -> None:
        """A call has come: what the agent's OPEN says."""
        call = Call.parse(text)
        waiting = self._waiting.get((call.protocol, call.port))
        if waiting is not None and not waiting.done():
            waiting.set_result(asyncio.get_running_loop().time())
            self._own.add(call)

    def is_own(self, record: CallRecord) -> bool:
        """Whether it is the test's own: the call that was waited for, with nothing sent on it."""
        return record.call in self._own and not record.received

    def ended(self, record: CallRecord) -> bool:
        """A call is over. Returns whether it was the test's own: one that its target ended, or did
        not take, counts as somebody's, as does the next one from its address."""
        own = self.is_own(record) and not record.taken and not record.refusal
        self._own.discard(record.call)
        self.own_accepted += own and record.accepted
        return own

    def next(self, port: PortMap) -> "asyncio.Future[float]":
        """Done by the next call to this port, with the loop's time of its arrival."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[port.listen] = future
        return future

    def forget(self, port: PortMap) -> None:
        """Nobody waits any more."""
        self._waiting.pop(port.listen, None)


async def self_test(
    plan: InboundPlan, service: Manifest | None, tunnel: Reaching, arrivals: Arrivals
) -> str:
    """What was seen, for a person: that a call came in, and after how long.

    Raises: Unproven if none came, or none can.
    """
    port, address = _way_in(plan, service)
    target = Target.parse(f"tcp:{address}")
    loop = asyncio.get_running_loop()
    end, last = loop.time() + WITHIN, ""
    while loop.time() < end:
        try:
            seconds = await _try(tunnel, target, arrivals, port)
        except NotReached as error:
            last = f": {error}"
        else:
            if seconds is not None:
                return (
                    f"A connection through service {plan.where} reached this machine "
                    f"in {milliseconds(seconds)}"
                )
        await asyncio.sleep(0.05)
    raise Unproven(
        f"no connection of the agent itself came back through service {plan.where}{last}",
        hint="where Pods can't reach themselves through a Service this means nothing: "
        "call it from another Pod",
    )


def _way_in(plan: InboundPlan, service: Manifest | None) -> tuple[PortMap, str]:
    """Which port to test, and where callers find it. Raises: Unproven."""
    ports = [port for port in plan.exposed if port.protocol == "tcp"]
    if service is None:
        raise Unproven(f"service {plan.where} is gone: nobody can call it")
    if not ports:
        raise Unproven(
            f"only UDP comes here from service {plan.where}, which tells nobody that it arrives",
            hint="send it something: --log shows what comes",
        )
    if service["spec"].get("clusterIP") in (None, "", "None"):
        raise Unproven(
            f"service {plan.where} is headless: its callers go by DNS, which takes its time",
            hint="call it from another Pod: --log shows what comes",
        )
    return ports[0], address_of(service, ports[0].service_port)


async def _try(tunnel: Reaching, target: Target, arrivals: Arrivals, port: PortMap) -> float | None:
    """Seconds from the order to connect until the call came in; None if it went elsewhere.

    Raises: NotReached if there was nobody to connect to.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    arrived = arrivals.next(port)
    try:
        await tunnel.reach(target, ONE_TRY, arrived)
    except NotReached as error:
        if error.errno != errno.ETIMEDOUT and not arrived.done():
            raise
    except TunnelClosed as error:
        log.debug("self-test: %s", error)
    finally:
        arrivals.forget(port)
    came = arrived.done() and not arrived.cancelled()
    return arrived.result() - began if came else None


def milliseconds(seconds: float) -> str:
    """``4 ms``, ``0.4 ms``."""
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
