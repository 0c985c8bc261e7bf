"""`exchange --mode selector`: a Service's selector is led to the agent, and back.

The agent's Pod has the selector's own keys with a value of its own, so the redirect *replaces*
what the owner of the Service wrote. Tools that merge (``kubectl apply``, helm) therefore put back
exactly what they want, and never a mixture that selects nobody.
"""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import replace

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict
from ktconnect.groups import task_group
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.kube.undoable import is_led
from ktconnect.kube.watch import Event
from ktconnect.modes.leading import (
    Selector,
    check_wanted,
    has,
    led_to,
    selector_of,
    shown,
    target_ports,
    who_set_selector,
    without,
)
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.end import to_the_end
from ktconnect.modes.serving.following import follow
from ktconnect.modes.serving.way import InboundPlan, Origins, WayLost
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.session import Manifest
from ktconnect.sessions.lease import SessionLease
from ktconnect.tunnel.tunnel import Tunnel

from .older import Older
from .origin import Origin
from .origin_check import check_origin

log = logging.getLogger(__name__)

Labels = tuple[tuple[str, str], ...]


class SelectorWay:
    """A `serving.way.Way`: the only thing changed of others is the Service's selector."""

    yields = True
    patience = 10.0
    advice: tuple[str, ...] = ()

    def __init__(
        self,
        cluster: Cluster,
        plan: InboundPlan,
        lease: SessionLease,
        service: Manifest,
        besides: Labels = (),
    ) -> None:
        """``besides``: labels by which the agent's Pod gets what the Service's own Pods get, such
        as a sidecar.

        Raises: Conflict if callers are led to an agent or a router already; UsageError for a
        Service without selector."""
        self._cluster = cluster
        self._backend = KubeBackend(cluster)
        self._plan = plan
        self._lease = lease
        self._besides = besides
        self._service: Manifest | None = service
        self._target_ports = target_ports(service)
        self._original = selector_of(service)
        if is_led(self._original):
            raise Conflict(
                f"service {plan.where} leads to {shown(self._original)} already",
                hint=f"`ktctl recover {plan.service}` gives it back to its own Pods",
            )
        self._ours = led_to(self._original, plan.agent.name)
        self._led = False
        self._changing = asyncio.Lock()
        self._origin = Origin(cluster, plan.agent, plan.service)
        ports = {port.listen[1] for port in plan.exposed if port.protocol == "tcp"}
        self._older = Older(cluster, plan.namespace, plan.agent.name, ports)
        self._key = f"{SERVICE}/{plan.namespace}/{plan.service}#/spec/selector"
        self.broken = "callers are not led here yet"
        self.banner = f"Now all request to service '{plan.service}' will be redirected to local"

    @property
    def older_told(self) -> str:
        """See `CountsOlder`."""
        return self._older.told

    @property
    def older(self) -> int:
        """See `CountsOlder`."""
        return self._older.count or 0

    @property
    def journal(self) -> tuple[Entry, ...]:
        """See `Way`."""
        return (Entry("kube", self._key, self._original, self._ours),)

    @property
    def labels(self) -> Labels:
        """See `Way`. The selector's own keys are ours, whatever else there is."""
        return tuple({**dict(self._besides), **self._ours}.items())

    async def prepare(self, owner: Manifest) -> Origins:
        """See `Way`."""
        assert self._service is not None, "it was there a moment ago"
        await self._origin.create(self._service, owner)
        return {port: self._origin.address(port.service_port) for port in self._plan.ports}

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """See `Way`."""
        await check_origin(self._plan, self._origin, tunnel, reporter)

    async def service(self) -> Manifest | None:
        """See `Way`."""
        return await self._cluster.find(SERVICE, self._plan.service, self._plan.namespace)

    async def switch(self) -> None:
        """See `Way`. Raises: WayLost if the Service is gone or has become another one."""
        async with self._changing:
            self._led = True
            found = await self.service()
            if found is None:
                raise WayLost(f"service {self._plan.where} was deleted", hint="nothing is changed")
            await self._consider(found)

    async def follow(self, reporter: Reporter) -> None:
        """See `Way`."""
        async with task_group() as tasks:
            tasks.create_task(self._origin.keep(reporter))
            tasks.create_task(self._older.keep(self._original))
            await follow(lambda: self._watch(reporter), self._plan.where)

    async def give_back(self) -> None:
        """See `Way`."""
        async with self._changing:
            self._led = False
            self.broken = "callers go to the origin"
            found = await self.service()
            if found is None or not has(now := selector_of(found), self._ours):
                return
            goal = without(now, self._ours) or self._original
            try:
                await self._backend.write(self._key, goal, expected=now)
            except Conflict as conflict:  # its owner was faster: what they wrote stays
                log.info("selector of %s: %s", self._plan.where, conflict)

    async def remove(self) -> None:
        """See `Way`."""
        await self._origin.delete()

    async def _watch(self, reporter: Reporter) -> None:
        name, seen = self._plan.service, False
        fields = f"metadata.name={name}"
        events = self._cluster.watch(SERVICE, self._plan.namespace, fields=fields)
        async with aclosing(events) as happened:
            async for event in happened:
                if event.object and event.object["metadata"]["name"] != name:
                    continue
                if event.type == "SYNCED" and not seen:
                    self._gone(reporter)
                seen = True
                await self._take(event, reporter)

    async def _take(self, event: Event, reporter: Reporter) -> None:
        if event.type == "SYNCED":
            return
        if event.type == "DELETED":
            self._gone(reporter)
            return
        back, self._service = self._service is None, event.object
        async with self._changing:
            changed = await self._consider(event.object)
        if back:
            reporter.note(f"service {self._plan.where} is there again: its callers come here")
        elif changed:
            self._tell(event.object, reporter)

    def _gone(self, reporter: Reporter) -> None:
        if self._service is not None:
            self._service = None
            self.broken = f"service {self._plan.where} was deleted"
            reporter.warn(
                f"{self.broken}: nobody reaches this machine by it",
                "it is taken up again as soon as it is created again",
            )

    def _tell(self, service: Manifest, reporter: Reporter) -> None:
        by = who_set_selector(service)
        reporter.note(
            f"{by} applied service {self._plan.where} anew: its callers come here again; "
            f"in the end it gets the selector {shown(self._original)}"
        )

    async def _consider(self, service: Manifest) -> bool:
        """Make the selector as it should be; whether someone else's had to be replaced."""
        now = selector_of(service)
        if now == self._ours:
            self.broken = "" if self._led else "callers go to the origin"
            return False
        await self._learn(service, without(now, self._ours))
        if not self._led:
            return False
        try:
            await self._lease.check()
            await to_the_end(self._backend.write(self._key, self._ours, expected=now))
        except Conflict as conflict:  # a newer state is on its way to us, or our end
            log.info("selector of %s: %s", self._plan.where, conflict)
            return False
        self.broken = ""
        return True

    async def _learn(self, service: Manifest, selector: Selector) -> None:
        """What its owner wants now is what it gets back, written down before it is replaced."""
        if not selector or not target_ports(service) <= self._target_ports:
            what = "other ports" if selector else "no selector any more"
            raise WayLost(
                f"service {self._plan.where} was changed and has {what}",
                hint="start the exchange again to follow that",
            )
        check_wanted(selector, self._original, self._plan.where)
        if selector != self._original:
            await self._lease.write_journal([replace(self.journal[0], before=selector)])
            await self._origin.select(selector)
            self._original = selector  # last: what has failed is done anew
