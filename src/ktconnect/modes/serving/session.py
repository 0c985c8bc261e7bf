"""Sessions that callers come to: set up, kept up, undone in order; several side by side.

A session is a Lease, an agent with a tunnel to it, and a way that leads callers there. What
differs between modes is in their `way.Way`.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from ktconnect.errors import Conflict, KtError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.modes.dryrun import NOTHING_DONE, tell
from ktconnect.modes.local import remember
from ktconnect.modes.report import Ready, Reporter
from ktconnect.modes.setup import agent_account
from ktconnect.modes.shadow import Shadow
from ktconnect.modes.taking import check_alone
from ktconnect.objects.agent import AgentPod
from ktconnect.objects.ports import PortMap
from ktconnect.objects.setup import ACCOUNT
from ktconnect.sessions.lease import SessionLease

from .agent import agent_plan
from .end import to_the_end
from .line import Line
from .selftest import Unproven, self_test
from .spec import ServingSpec
from .undo import Undo
from .view import led
from .way import CountsOlder, InboundPlan, Way, WayLost

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
AGAIN = 1.0

DEFAULT_ACCOUNT = AgentPod().service_account


class InboundSession:
    """One Service whose callers come to this machine. All is undone when ``run`` ends."""

    make_shadow = Shadow
    """How an agent comes about."""

    def __init__(
        self, cluster: Cluster, spec: ServingSpec, plan: InboundPlan, lease: SessionLease, way: Way
    ) -> None:
        self._cluster = cluster
        self._spec = spec
        self._lease = lease
        self._way = way
        self._line: Line | None = None
        self._facts: dict[str, str | list[str]] = {}
        self.plan = plan
        self.up = asyncio.Event()
        """Set once callers come here."""

    async def run(self, reporter: Reporter) -> None:
        """Serve until cancelled. Raises: KtError, after the undo, if it can't or may not go on."""
        server = self._cluster.config.server
        journal = remember(server, self.plan.namespace, self._lease.session.name)
        undo = Undo(self._cluster, self.plan, self._lease, self._way, journal)
        async with task_group() as tasks:
            try:
                await self._set_up(tasks, undo, reporter)
                self.up.set()
                ended = await self._lease.ended()
                raise Conflict(
                    f"the session of {self.plan.where} is over: {ended}",
                    hint="its callers go where they went before",
                )
            finally:
                await to_the_end(undo.run(reporter))

    async def rehearse(self, reporter: Reporter) -> None:
        """Tell what would be made and changed, on a cluster to which nothing is written."""
        await self._lease.create(self._way.journal)
        origins = await self._way.prepare(self._lease.owner)
        account = await self._account()
        wanted = agent_plan(self.plan, self._spec, origins, self._way.labels, account)
        await Shadow(self._cluster, self._lease, wanted).create()
        if self.plan.mode == "preview":  # which changes nothing of others, but makes a Service
            await self._way.switch()
        tell(self._cluster, self._way.journal, reporter)

    def ready(self, began: float) -> Ready:
        """What to tell once it is up; ``began`` by the monotonic clock."""
        told = (self._way.older_told,) if isinstance(self._way, CountsOlder) else ()
        return Ready(
            self.plan.mode,
            self.plan.namespace,
            self.plan.session.name,
            time.monotonic() - began,
            self._facts,
            (*map(self._leads, self.plan.exposed), *self._way.advice, *told),
            self._way.banner,
        )

    def _leads(self, port: PortMap) -> str:
        return f"{self.plan.where} {led(port)}"

    def show(self, reporter: Reporter) -> None:
        """Tell the state, if there is one already."""
        if self._line is not None:
            older = self._way.older if isinstance(self._way, CountsOlder) else 0
            reporter.status(self._line.status(self._way.broken, older))

    async def _set_up(self, tasks: asyncio.TaskGroup, undo: Undo, reporter: Reporter) -> None:
        await to_the_end(self._announce(undo))
        tasks.create_task(self._lease.keep_alive())
        line = await self._start(undo, reporter)
        tasks.create_task(line.tunnel.run())
        await self._open(line, reporter)
        await self._switch(line, undo, reporter)
        tasks.create_task(self._way.follow(reporter))
        if self._way.yields:
            tasks.create_task(self._yield_when_lost(line, reporter))
        self._facts["proof"] = await self._prove(line, reporter)
        self._line = line

    async def _announce(self, undo: Undo) -> None:
        await self._lease.create(self._way.journal)
        undo.began(self._lease.uid)
        await check_alone(self._cluster, self._lease, self.plan.service)

    async def _start(self, undo: Undo, reporter: Reporter) -> Line:
        with reporter.step(f"Starting the agent of {self.plan.where}") as step:
            origins = await self._way.prepare(self._lease.owner)
            account = await self._account()
            wanted = agent_plan(self.plan, self._spec, origins, self._way.labels, account)
            shadow = self.make_shadow(self._cluster, self._lease, wanted)
            undo.line = line = Line(self._spec, self.plan, shadow, reporter, origins)
            pod = await line.start_agent()
            step.says(f"Agent {pod['metadata']['name']} runs on {pod['spec']['nodeName']}")
        self._facts = {
            "service": self.plan.where,
            "ports": [led(port) for port in self.plan.exposed],
            "agent": pod["metadata"]["name"],
        }
        return line

    async def _account(self) -> tuple[str, bool]:
        """The agent's ServiceAccount, and whether that may undo the session."""
        asked = self._spec.cluster.agent.service_account
        if asked not in (DEFAULT_ACCOUNT, ACCOUNT):
            return asked, False
        found = await agent_account(self._cluster, self.plan.namespace)
        return found or asked, bool(found)

    async def _open(self, line: Line, reporter: Reporter) -> None:
        with reporter.step("Opening the tunnel") as step:
            agent = await line.greeted()
            step.says(f"Tunnel to the agent is up (Python {agent.python})")
        with reporter.step("Looking who answers without this machine") as step:
            await self._way.check(line.tunnel, reporter)
            step.says("The agent was asked who answers without this machine")

    async def _switch(self, line: Line, undo: Undo, reporter: Reporter) -> None:
        with reporter.step(f"Leading callers of {self.plan.where} here") as step:
            undo.switched = True
            await self._way.switch()
            step.says(f"Callers of {self.plan.where} are led here")

    async def _prove(self, line: Line, reporter: Reporter) -> str:
        """See a call come through; that it can't be seen is said, and no reason to give up."""
        try:
            with reporter.step("Calling this machine through the cluster") as step:
                service = await self._way.service()
                seen = await self_test(self.plan, service, line.tunnel, line.arrivals)
                step.says(seen)
        except Unproven as error:
            reporter.warn(str(error), error.hint)
            return ""
        return seen

    async def _yield_when_lost(self, line: Line, reporter: Reporter) -> None:
        """While the agent itself is lost, callers go where they went before."""
        while True:
            await line.when_lost()
            try:
                await self._way.give_back()
            except KtError as error:
                log.info("%s can't be led past its agent: %s", self.plan.where, error)
                await asyncio.sleep(AGAIN)
                continue
            reporter.note(f"the agent of {self.plan.where} is lost: callers go past it")
            await self._switch_again(line)
            reporter.note(f"the agent of {self.plan.where} is back: callers come here again")

    async def _switch_again(self, line: Line) -> None:
        """Raises: WayLost."""
        while True:
            await line.when_up()
            try:
                await self._way.switch()
            except WayLost:
                raise
            except KtError as error:
                log.info("callers of %s can't be led here again yet: %s", self.plan.where, error)
                await asyncio.sleep(AGAIN)
            else:
                return


async def serve(
    sessions: Sequence[InboundSession], reporter: Reporter, began: float, *, dry_run: bool = False
) -> None:
    """Run sessions side by side until cancelled, or until all of them have ended.

    With ``dry_run`` only tell what they would do. One that can't be set up takes the others with
    it; one that ends later, taken over or undone by somebody, does not.

    Raises: KtError, the first failure.
    """
    if dry_run:
        for each in sessions:
            await each.rehearse(reporter)
        reporter.note(NOTHING_DONE)
        return
    failures: list[KtError] = []
    told = 0
    async with task_group() as tasks:
        running = [tasks.create_task(_run(each, reporter, failures)) for each in sessions]
        for each in sessions:
            await each.up.wait()
        reporter.ready(*(each.ready(began) for each in sessions))
        while not all(task.done() for task in running):
            for each, task in zip(sessions, running, strict=True):
                if not task.done():
                    each.show(reporter)
            await asyncio.wait(running, timeout=STATUS_SECONDS)
            for error in failures[told:] if len(running) > 1 else ():
                reporter.warn(str(error), error.hint)
            told = len(failures)
    if failures:
        raise failures[0]


async def _run(session: InboundSession, reporter: Reporter, failures: list[KtError]) -> None:
    """Raises: KtError only until it is up."""
    try:
        await session.run(reporter)
    except KtError as error:
        if not session.up.is_set():
            raise
        failures.append(error)
