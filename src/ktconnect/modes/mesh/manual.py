"""`mesh --mode manual`: a Pod among the Service's own, with a label more; the rules are the user's.

Nothing is changed of others. Until there are rules, the Service's callers are spread over all of
its Pods, this one among them. It has no origin to pass them on to: that would be the Service, and
so itself. So it is an endpoint only while there is a laptop (`agent.shown`).
"""

import asyncio
import logging

from ktconnect.apply.change import Entry
from ktconnect.errors import KtError
from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange.scale_wait import leave_services, until_endpoint
from ktconnect.modes.leading import selector_of
from ktconnect.modes.report import Reporter
from ktconnect.modes.routing.redirect import as_before
from ktconnect.modes.serving.way import InboundPlan, Origins
from ktconnect.modes.targets import SERVICE, selects
from ktconnect.modes.watched import Which, watched
from ktconnect.objects.origin import origin_name
from ktconnect.objects.session import Manifest
from ktconnect.rules.mark import Mark
from ktconnect.tunnel.tunnel import Tunnel

log = logging.getLogger(__name__)


class ManualWay:
    """A `serving.way.Way` that adds a Pod to the Service, and nothing else."""

    yields = False
    patience = 15.0
    journal: tuple[Entry, ...] = ()

    def __init__(self, cluster: Cluster, plan: InboundPlan, service: Manifest, mark: Mark) -> None:
        self._cluster = cluster
        self._plan = plan
        self._labels = {**selector_of(service), mark.key: mark.value}
        self.broken = "the agent is no endpoint yet"
        self.banner = f"Now you can update Istio rule by label '{mark.key}={mark.value}'"
        self.advice: tuple[str, ...] = (
            f"until you have rules, callers of {plan.where} are spread over all of its Pods, "
            "this machine among them",
        )

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """See `Way`: the Service's selector, and the mark."""
        return tuple(self._labels.items())

    async def prepare(self, owner: Manifest) -> Origins:
        """See `Way`: nothing is needed."""
        return {}

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """See `Way`: there is nobody besides to look at."""

    async def switch(self) -> None:
        """See `Way`: now that there is a laptop, the agent becomes an endpoint by itself. Of the
        origin, where a router stands in front of the Service: that is whom it goes on to."""
        plan, service = self._plan, await self.service()
        led = service is not None and await as_before(self._cluster, service) is not service
        by = origin_name(plan.service) if led else plan.service
        await until_endpoint(self._cluster, plan.namespace, plan.agent.name, [by])
        self.broken = ""

    async def service(self) -> Manifest | None:
        """See `Way`."""
        return await self._cluster.find(SERVICE, self._plan.service, self._plan.namespace)

    async def follow(self, reporter: Reporter) -> None:
        """See `Way`: tell when the Service does not find the agent's Pod any more."""
        plan, changed = self._plan, asyncio.Event()
        which = Which(SERVICE, plan.namespace, fields=f"metadata.name={plan.service}")
        services: dict[str, Manifest] = {}
        async with task_group() as tasks:
            tasks.create_task(watched(self._cluster, which, services, changed.set))
            while True:
                await changed.wait()
                changed.clear()
                try:
                    await self._look(services.get(plan.service), reporter)
                except KtError as error:
                    log.info("who shares %s is not known: %s", plan.where, error)

    async def _look(self, service: Manifest | None, reporter: Reporter) -> None:
        wanted = service and await as_before(self._cluster, service)
        found = wanted is not None and selects(wanted, self._labels)
        broken = "" if found else f"service {self._plan.where} does not select the agent any more"
        if broken and not self.broken:
            reporter.warn(broken, "start again, to be selected as it is now")
        self.broken = broken

    async def give_back(self) -> None:
        """See `Way`."""
        self.broken = "callers go to the other Pods"
        plan = self._plan
        await leave_services(self._cluster, plan.namespace, plan.agent.name, self._labels)

    async def remove(self) -> None:
        """See `Way`: nothing was made."""
