"""A session of `mesh`: as any that callers come to, and besides what is said of its mark."""

from dataclasses import replace

from ktconnect.kube.client import Cluster
from ktconnect.modes.dryrun import tell
from ktconnect.modes.report import Ready, Reporter
from ktconnect.modes.routing.sharing import SharingWay
from ktconnect.modes.serving.agent import agent_plan
from ktconnect.modes.serving.end import to_the_end
from ktconnect.modes.serving.line import Line
from ktconnect.modes.serving.selftest import Unproven, self_test
from ktconnect.modes.serving.session import InboundSession
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.modes.shadow import Shadow
from ktconnect.sessions.lease import SessionLease

from .marked import Marked


class MeshSession(InboundSession):
    """One Service whose marked requests come to this machine."""

    called = "a marked request"
    """What comes here, for a person."""

    def __init__(
        self,
        cluster: Cluster,
        spec: ServingSpec,
        plan: InboundPlan,
        lease: SessionLease,
        way: SharingWay,
    ) -> None:
        super().__init__(cluster, spec, plan, lease, way)
        self._sharing = way
        self._marked: Marked | None = None

    async def rehearse(self, reporter: Reporter) -> None:
        """See `InboundSession`."""
        together = await self._sharing.driver.shared_journal()
        await self._lease.create(self._way.journal)
        origins = await self._way.prepare(self._lease.owner)
        account = await self._account()
        wanted = agent_plan(self.plan, self._spec, origins, self._way.labels, account)
        await Shadow(self._cluster, self._lease, wanted).create()
        await self._sharing.driver.rehearse(self._sharing.share)
        theirs = (*together, *self._sharing.driver.journal)
        changes = [entry for entry in theirs if entry.before != entry.after]
        tell(self._cluster, changes, reporter)

    def ready(self, began: float) -> Ready:
        """See `InboundSession`."""
        found = super().ready(began)
        share = self._sharing.share
        more = {"mark": share.mark, "driver": self._sharing.driver.name}
        return replace(found, facts={**found.facts, **more})

    async def run(self, reporter: Reporter) -> None:
        """See `InboundSession`."""
        try:
            await super().run(reporter)
        finally:
            if self._marked is not None:
                await to_the_end(self._marked.end())

    async def _prove(self, line: Line, reporter: Reporter) -> str:
        """See `InboundSession`: by a marked request to the Service; where none can be sent, by a
        connection to the session's own."""
        matches = self._sharing.share.matches
        self._marked = Marked(self.plan, matches, line, called=self.called)
        try:
            with reporter.step(f"Sending {self.called}") as step:
                seen = await self._marked.prove(await self._sharing.callers_service())
                step.says(seen)
        except Unproven as error:
            reporter.warn(str(error), error.hint)
            return await self._connected(line, reporter)
        return seen

    async def _connected(self, line: Line, reporter: Reporter) -> str:
        """In a mesh nothing is tried: a proxy beside the agent takes every connection, and passes
        on none that says nothing."""
        if self._sharing.driver.name != "router":
            return ""
        plan = replace(self.plan, service=self._sharing.share.service)
        try:
            with reporter.step("Calling this machine through the cluster") as step:
                service = await self._way.service()
                seen = await self_test(plan, service, line.tunnel, line.arrivals)
                step.says(seen)
        except Unproven as error:
            reporter.warn(str(error), error.hint)
            return ""
        return seen
