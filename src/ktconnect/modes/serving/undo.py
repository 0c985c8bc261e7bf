"""The orderly end of a session that callers come to: nobody is turned away by it."""

import asyncio
import logging

from ktconnect.apply.journal import Journal
from ktconnect.errors import Forbidden, KtError
from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.seen import SLICE, SLICE_OF
from ktconnect.modes.local import bind
from ktconnect.modes.report import Reporter
from ktconnect.sessions.lease import SessionLease

from .line import Line
from .way import InboundPlan, Way

log = logging.getLogger(__name__)

LEFT_WITHIN = 5.0
"""Seconds until the endpoints must be without the agent."""

PROXIES = 1.0
"""Seconds until the nodes' proxies have followed the endpoints."""

DRAIN = 5.0
"""Seconds for which calls that go on may take to end."""

DELETE = 10.0
LOOK_AGAIN = 0.1


class Undo:
    """Takes a session away, from whatever stage it had reached. May be run more than once."""

    def __init__(
        self, cluster: Cluster, plan: InboundPlan, lease: SessionLease, way: Way, journal: Journal
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._lease = lease
        self._way = way
        self._journal = journal
        self.announced = False
        """The Lease is there."""
        self.line: Line | None = None
        """Its agent may be there."""
        self.switched = False
        """Callers may have been led to the agent."""

    def began(self, uid: str) -> None:
        """The Lease is there, and this is its UID."""
        self.announced = True
        bind(self._journal, uid)

    async def run(self, reporter: Reporter) -> None:
        """Undo; what can't be is told, and left to the agent and to the next ktctl command."""
        if not self.announced:
            await self._forget()
            return
        try:
            with reporter.step(f"Leading callers of {self._plan.where} back") as step:
                cut = await self._give_back()
                step.says(f"Callers of {self._plan.where} go where they went before")
            with reporter.step(f"Taking away what was made for {self._plan.where}") as step:
                async with asyncio.timeout(DELETE):
                    await self._delete()
                step.says(f"Nothing of ours is left for {self._plan.where}")
            self._journal.drop()
        except (KtError, TimeoutError) as error:
            reporter.warn(
                f"session {self._lease.session.name} is still in the cluster: "
                f"{str(error) or 'no answer'}",
                "the next ktctl command of anybody in that namespace undoes it",
            )
        else:
            if cut:
                calls = "1 call" if cut == 1 else f"{cut:,} calls"
                reporter.note(f"{calls} went on for more than {DRAIN:g} s and had to be cut")

    async def _forget(self) -> None:
        """No Lease was seen; if only the answer was lost, it is there and bars the next attempt."""
        try:
            async with asyncio.timeout(DELETE):
                await self._lease.delete()
        except Forbidden as error:
            log.debug("nor may it be looked for: %s", error)
        except (KtError, TimeoutError) as error:  # the next start on this machine looks for it
            log.info("whether session %s is there: %s", self._lease.session.name, error)
            return
        self._journal.drop()

    async def _give_back(self) -> int:
        """Lead callers away and let their calls end; how many had to be left going."""
        if self.line is not None:
            self.line.wind_up()
        async with asyncio.timeout(self._way.patience):
            await self._way.give_back()
        if self.line is None:
            return 0
        if self.switched:
            await self._left(self.line)
        self.line.answers.refuse_new()
        if self._plan.mode == "mirror":  # nobody waits for what answers a copy
            self.line.answers.close()
            return 0
        return await self.line.answers.drained(DRAIN)

    async def _left(self, line: Line) -> None:
        """Wait until nobody is led to the agent any more."""
        try:
            async with asyncio.timeout(LEFT_WITHIN):
                while await self._endpoints() & line.addresses:  # noqa: ASYNC110 - one right less
                    await asyncio.sleep(LOOK_AGAIN)
        except (Forbidden, TimeoutError) as error:
            log.info("the endpoints of %s: %s", self._plan.where, error)
        await asyncio.sleep(PROXIES)

    async def _endpoints(self) -> set[str]:
        """Where the nodes lead callers of the Service, as far as they have been told."""
        labels = f"{SLICE_OF}={self._plan.service}"
        slices = await self._cluster.list(SLICE, self._plan.namespace, labels=labels)
        return {
            address
            for found in slices
            for endpoint in found.get("endpoints") or ()
            for address in endpoint.get("addresses") or ()
        }

    async def _delete(self) -> None:
        if self.line is not None:
            await self.line.shadow.delete()
        await self._way.remove()
        await self._lease.delete()
