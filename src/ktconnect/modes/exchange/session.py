"""A session of `exchange` by the selector: proven by a request, where a proxy swallows connections.

A sidecar of Istio takes every connection that the agent opens, and goes on only once it has heard
what is asked (Istio, "Protocol Selection"): one that says nothing never comes back.
"""

from ktconnect.kube.client import Cluster
from ktconnect.modes.mesh.marked import Marked
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.end import to_the_end
from ktconnect.modes.serving.line import Line
from ktconnect.modes.serving.selftest import Unproven
from ktconnect.modes.serving.session import InboundSession
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.serving.way import InboundPlan, Way
from ktconnect.modes.targets import POD
from ktconnect.objects.session import Manifest
from ktconnect.rules.istio import may_be_http
from ktconnect.rules.meshes import has_sidecar
from ktconnect.rules.model import Match
from ktconnect.sessions.lease import SessionLease


class ExchangeSession(InboundSession):
    """One Service whose callers come to this machine."""

    def __init__(
        self, cluster: Cluster, spec: ServingSpec, plan: InboundPlan, lease: SessionLease, way: Way
    ) -> None:
        super().__init__(cluster, spec, plan, lease, way)
        self._asked: Marked | None = None

    async def run(self, reporter: Reporter) -> None:
        """See `InboundSession`."""
        try:
            await super().run(reporter)
        finally:
            if self._asked is not None:
                await to_the_end(self._asked.end())

    async def _prove(self, line: Line, reporter: Reporter) -> str:
        """See `InboundSession`."""
        service = await self._way.service()
        if service is None or not self._carries_requests(service) or not await self._has_sidecar():
            return await super()._prove(line, reporter)
        self._asked = Marked(self.plan, (Match(),), line, called="a request")
        try:
            with reporter.step("Calling this machine through the mesh") as step:
                seen = await self._asked.prove(service)
                step.says(seen)
        except Unproven as error:
            reporter.warn(str(error), error.hint)
            return ""
        return seen

    def _carries_requests(self, service: Manifest) -> bool:
        """Whether a proxy may wait for a request on one of the ports that come here."""
        taken = {port.service_port for port in self.plan.exposed if port.protocol == "tcp"}
        ports = service["spec"].get("ports") or ()
        return any(int(port["port"]) in taken and may_be_http(port) for port in ports)

    async def _has_sidecar(self) -> bool:
        """Whether the agent has one: what its namespace says of that, nobody needs to know."""
        agent = str(self._facts.get("agent") or "")
        found = await self._cluster.find(POD, agent, self.plan.namespace)
        return found is not None and has_sidecar(found)
