"""`exchange --mode scale`: the agent takes a workload's place, and the workload is scaled to 0."""

import asyncio
import logging

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, KtError
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.end import to_the_end
from ktconnect.modes.serving.spec import RECOVER_WAIT
from ktconnect.modes.serving.way import InboundPlan, Origins
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.session import Manifest
from ktconnect.sessions.lease import SessionLease
from ktconnect.tunnel.tunnel import Tunnel

from .scale_find import ScalePlan
from .scale_wait import leave_services, skipped_by_ctrl_c, until_endpoint, until_ready

log = logging.getLogger(__name__)

MARGIN = 15.0
"""Seconds for the requests of a way back, besides the waiting."""
FOLLOW_EVERY = 2.0
SETTLE = 2.0
"""Seconds that nodes get, besides the usual, to follow the endpoints: who still comes to the agent
after that has no origin to be passed on to."""


class ScaleWay:
    """A `serving.way.Way`: the only thing changed of others is a workload's number of replicas.

    ``recover_wait``: seconds that its Pods get to be ready again before the agent goes.

    There is no origin: the workload's Pods are gone while the session lasts. Whoever scales it up
    meanwhile is told of, and left alone: then both get callers, and their number is kept.
    """

    yields = False

    def __init__(
        self,
        cluster: Cluster,
        plan: InboundPlan,
        lease: SessionLease,
        target: ScalePlan,
        reporter: Reporter,
        recover_wait: float = RECOVER_WAIT,
    ) -> None:
        self._cluster = cluster
        self._backend = KubeBackend(cluster)
        self._plan = plan
        self._lease = lease
        self._workload = target.workload
        self._services = [each["metadata"]["name"] for each in target.services]
        self._reporter = reporter
        self._recover_wait = recover_wait
        self._original = target.workload.replicas
        self._led = False
        self.broken = "callers are not led here yet"
        self.patience = recover_wait + MARGIN
        name = target.workload.name
        self.banner = f"Now all request to {target.workload.kind.lower()} '{name}' will be "
        self.banner += "redirected to local"
        self.advice: tuple[str, ...] = (
            f"{self._workload} is scaled to 0: without this machine nobody answers its callers",
        )

    @property
    def journal(self) -> tuple[Entry, ...]:
        """See `Way`."""
        return (Entry("kube", self._workload.key, self._original, 0),) if self._original else ()

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """See `Way`: all of them, since a Service may select by any."""
        return tuple(self._workload.labels.items())

    async def prepare(self, owner: Manifest) -> Origins:
        """See `Way`: nothing is needed, and nobody answers besides."""
        return {}

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """See `Way`: there is no origin to look at."""

    async def service(self) -> Manifest | None:
        """See `Way`."""
        for name in self._services:
            found = await self._cluster.find(SERVICE, name, self._plan.namespace)
            if found is not None:
                return found
        return None

    async def switch(self) -> None:
        """See `Way`: the agent gets callers first, then the workload goes.

        Raises: Conflict if someone scales it at this moment.
        """
        namespace, agent = self._plan.namespace, self._plan.agent.name
        await until_endpoint(self._cluster, namespace, agent, self._services)
        self._led = True
        if self._original:
            down = self._backend.write(self._workload.key, 0, expected=self._original)
            await to_the_end(down)  # what is under way can't be seen by who undoes it
        self.broken = ""

    async def follow(self, reporter: Reporter) -> None:
        """See `Way`. It is asked every two seconds: a watch would need rights more."""
        told = False
        while True:
            await asyncio.sleep(FOLLOW_EVERY)
            try:
                now = await self._backend.read(self._workload.key)
                told = await self._consider(now, reporter, told=told)
            except KtError as error:
                log.info("%s: %s", self._workload, error)

    async def give_back(self) -> None:
        """See `Way`: the workload's Pods are back before the agent leaves its Services."""
        was_led, self._led = self._led, False
        self.broken = "callers are led back"
        goal = await self._scale_back()
        if was_led and goal:
            await self._wait_ready(goal)
        await leave_services(
            self._cluster, self._plan.namespace, self._plan.agent.name, self._workload.labels
        )
        if was_led:
            await asyncio.sleep(SETTLE)

    async def remove(self) -> None:
        """See `Way`: nothing was made."""

    async def _consider(self, now: int | None, reporter: Reporter, *, told: bool) -> bool:
        """Whether a drift is known: told once, and what is there is what stays."""
        if now is None:
            if not told:
                reporter.warn(f"{self._workload} was deleted: there is nothing to scale back")
            return True
        if not (now and self._original and self._led):  # at the end it is we who scale it
            return told and bool(now)
        if now != self._original or not told:
            await self._lease.write_journal([Entry("kube", self._workload.key, now, 0)])
            self._original = now  # last: what has failed is done anew
            reporter.warn(
                f"someone has scaled {self._workload} to {now}: callers are shared with its Pods",
                "it is left so, now and at the end; end whoever scales it, then start again",
            )
        return True

    async def _scale_back(self) -> int:
        """How many Pods are to be there; 0 if nobody waits for any."""
        now = await self._backend.read(self._workload.key)
        if now is None or (not now and not self._original):
            return 0
        if now:
            return int(now)
        try:
            await self._backend.write(self._workload.key, self._original, expected=0)
        except Conflict as conflict:  # someone was faster: theirs stays
            log.info("%s: %s", self._workload, conflict)
        return self._original

    async def _wait_ready(self, replicas: int) -> None:
        """Until the Pods are ready, the time is over, or Ctrl-C says that it is enough."""
        with skipped_by_ctrl_c() as skip:  # first: who reads of Ctrl-C may press it at once
            self._reporter.note(
                f"{self._workload} is scaled back to {replicas}; this machine serves on until it "
                f"is ready, {self._recover_wait:g} s at most (Ctrl-C skips that)"
            )
            ready = 0
            try:
                async with asyncio.timeout(self._recover_wait):
                    ready = await until_ready(self._cluster, self._workload, replicas, skip)
            except TimeoutError:
                log.info("%s is not ready in time", self._workload)
            if ready < replicas:
                why = "you skipped the wait" if skip.is_set() else "the time is over"
                self._reporter.warn(
                    f"{self._workload} is not ready yet, but {why}: callers may get no answer",
                    "--recoverWaitTime SECONDS waits longer",
                )
