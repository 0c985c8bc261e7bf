"""The agent of a session and the tunnel to it: where calls come in, and are answered."""

import asyncio
import logging
from types import MappingProxyType

from ktconnect.errors import KtError
from ktconnect.modes.report import Reporter, Status
from ktconnect.modes.shadow import Shadow
from ktconnect.objects.session import Manifest
from ktconnect.tunnel.answer import Answers, CallRecord
from ktconnect.tunnel.link import Link
from ktconnect.tunnel.status import TunnelState
from ktconnect.tunnel.timing import Timing
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.hello import AgentFacts
from ktconnect.wire.target import Target

from .programs import fate_of
from .selftest import Arrivals
from .spec import ServingSpec
from .view import Tally, call_ended, calls_now, status_now
from .way import InboundPlan, Origins

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_LONGEST = 0.1, 2.0
"""Seconds until an agent that does not listen yet is tried again, doubling: its Pod is ready a
moment before."""

LOST_AFTER = 3.0
"""Seconds without a tunnel after which the agent counts as lost, if the API server answers."""

NOWHERE: Origins = MappingProxyType({})

LOOK_AGAIN = 0.5
LOOK_WITHIN = 2.0


class Line:
    """Owned by whoever runs ``tunnel.run`` in a task."""

    def __init__(
        self,
        spec: ServingSpec,
        plan: InboundPlan,
        shadow: Shadow,
        reporter: Reporter,
        origins: Origins = NOWHERE,
    ) -> None:
        """To be made while the loop runs. ``origins``: as for the agent."""
        self._spec = spec
        self._plan = plan
        self._reporter = reporter
        self._origins = origins
        self._changed = asyncio.Event()
        self._tally = Tally()
        self._winding_up = False
        self._passed_on = 0
        self.shadow = shadow
        self.arrivals = Arrivals()
        # Of a Service that is shared the router's connections are seen, whoever calls: all count.
        self._own = None if plan.shared else self.arrivals
        self.addresses: frozenset[str] = frozenset()
        """Those of the agents' Pods that there have been."""
        self.answers = Answers(
            plan.targets,
            proxy_protocol=spec.proxy_protocol,
            mute=shadow.copies,
            on_call=self._ended,
        )
        timing = Timing(
            attempt=spec.cluster.port_forward_timeout,
            retry_first=RETRY_FIRST,
            retry_longest=RETRY_LONGEST,
        )
        self.tunnel = Tunnel(shadow.open_pipe, shadow.token, timing=timing)
        self.tunnel.on_unreachable = shadow.revive
        self.tunnel.on_greeted = self._greeted
        self.tunnel.on_open = self._opened
        self.tunnel.on_state = lambda _state, _reason: self._changed.set()

    async def start_agent(self) -> Manifest:
        """Make the agent; its Pod, once it is ready. Raises: as `Shadow`."""
        self.shadow.within = self._spec.cluster.pod_creation_timeout
        await self.shadow.create()
        return await self.shadow.ready_pod()

    async def greeted(self) -> AgentFacts:
        """Wait until the agent has greeted. Raises: TunnelClosed if it does not in its time."""
        forward = self._spec.cluster.port_forward_timeout
        return await self.tunnel.ready(self.shadow.patience(forward))

    def wind_up(self) -> None:
        """From now on, an agent that is gone is none that was lost, and none comes back."""
        self._winding_up = True
        self.tunnel.on_unreachable = None

    def status(self, broken: str, older: int = 0) -> Status:
        """See ``view.status_now``; what has changed of the programs here is told by the way."""
        plan, statistics = self._plan, self.tunnel.statistics()
        if not self._winding_up:
            plan.programs.tell(self._reporter, self._fate)
        calls = calls_now(self.answers, self._tally, self._own, older)
        return plan.programs.shown(status_now(plan, statistics, calls, broken))

    def _fate(self, target: Target) -> str:
        return fate_of(target, self._plan.mode, self._plan.ports, self._origins)

    @property
    def is_up(self) -> bool:
        return self.tunnel.statistics().state is TunnelState.UP

    @property
    def _is_fine(self) -> bool:
        return self.is_up or self._winding_up

    async def when_up(self) -> None:
        """Wait until calls can come in."""
        while self._winding_up or not self.is_up:
            self._changed.clear()
            await self._changed.wait()

    async def when_lost(self) -> None:
        """Wait until the agent is lost, and not just this machine's way to the cluster."""
        loop = asyncio.get_running_loop()
        while True:
            while self._is_fine:
                self._changed.clear()
                await self._changed.wait()
            since = loop.time()
            while not self._is_fine:
                there = await self._agent_is_there()
                if there is None:
                    since = loop.time()  # once the cluster answers, the tunnel gets its time, too
                elif not there or loop.time() - since > LOST_AFTER:
                    return
                await asyncio.sleep(LOOK_AGAIN)

    async def _agent_is_there(self) -> bool | None:
        """Whether a Pod of it is ready; None while the API server does not answer."""
        try:
            async with asyncio.timeout(LOOK_WITHIN):
                return await self.shadow.is_there()
        except (KtError, TimeoutError) as error:
            log.debug("is the agent there? %s", error)
            return None

    def _opened(self, link: Link, number: int, text: str) -> None:
        self.arrivals.heard(text)
        self.answers(link, number, text)

    def _greeted(self, facts: AgentFacts) -> None:
        self.addresses |= set(facts.addresses)
        meanwhile = self._tally.greeted(facts, self._passed_on)
        if meanwhile:
            self._reporter.note(meanwhile)

    def _ended(self, record: CallRecord) -> None:
        if record.refusal:
            self._passed_on += 1
        self._plan.programs.ended(record)
        own = self._own is not None and self._own.ended(record)
        if self._spec.log and not own:
            self._reporter.call(call_ended(self._plan, record))
