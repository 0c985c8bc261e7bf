"""The way of a session that shares a Service with others: matching requests come, no others.

What is its own: a Service that leads to its agent, and says on it which requests are meant. What
all share: the origin, the shared Lease, and whatever the driver needs.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ktconnect.apply.change import Entry
from ktconnect.errors import KtError
from ktconnect.groups import task_group
from ktconnect.modes.exchange.origin_check import check_origin
from ktconnect.modes.leading import selector_of
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.way import InboundPlan, Origins
from ktconnect.modes.targets import SERVICE
from ktconnect.modes.watched import Which
from ktconnect.objects.session import Manifest
from ktconnect.rules.model import Share, share_note
from ktconnect.sessions.shared import Led
from ktconnect.tunnel.tunnel import Tunnel

from .backends import Backends
from .changes import Changes
from .driver import Driver, Seat
from .ensure import owned_by
from .overlapping import tell_overlaps
from .own import OwnService
from .shares import POINTER, said_on
from .tidying import tidy

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 5.0
"""Seconds between two looks at the session's own Service, whatever the watch says."""

MakeDriver = Callable[[Seat, Backends], Driver]


class SharingWay:
    """A `serving.way.Way` for a share of any kind."""

    yields = False  # a router or a mesh goes past an agent that is gone, by itself
    patience = 45.0
    labels: tuple[tuple[str, str], ...] = ()

    def __init__(
        self,
        seat: Seat,
        plan: InboundPlan,
        share: Share,
        driver: MakeDriver,
        *,
        banner: str,
        advice: tuple[str, ...] = (),
    ) -> None:
        """``share``: what is taken; its ``service`` names the session's own Service."""
        self._seat = seat
        self._cluster = seat.cluster
        self._plan = plan
        self._backends = Backends(seat)
        self._own = OwnService(seat, plan, share.service)
        self._owner: Manifest = {}
        self._lost = ""
        self._last = False
        self._ending = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()  # nobody does, so far
        self.share = share
        self.driver = driver(seat, self._backends)
        self.banner = banner
        self.advice = advice

    @property
    def journal(self) -> tuple[Entry, ...]:
        """See `Way`. That it takes requests at all is its own step: undone, it takes none."""
        key = f"{SERVICE}/{self._seat.namespace}/{self.share.service}#{POINTER}"
        before = share_note(replace(self.share, leaving=True))
        after = share_note(replace(self.share, leaving=False))
        return (Entry("kube", key, before, after), *self.driver.journal)

    @property
    def broken(self) -> str:
        """See `Way`."""
        return self.driver.broken

    async def prepare(self, owner: Manifest) -> Origins:
        """See `Way`."""
        seat = self._seat
        service = await self._cluster.get(SERVICE, seat.service, seat.namespace)
        self._owner = owner
        await self._make(service)
        seat.lease.renew_with(seat.shared)
        await self._share()
        await self.driver.prepare(self.share)
        if not self._backends.are_there:
            await self._backends.ensure(service, self._before() or selector_of(service), {})
        return {
            port: self._backends.address(port.service_port)
            for port in self._plan.ports
            if port.protocol == "tcp"
        }

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """See `Way`."""
        async with task_group() as tasks:
            tasks.create_task(check_origin(self._plan, self._backends, tunnel, reporter))
            tasks.create_task(self.driver.check(reporter))

    async def switch(self) -> None:
        """See `Way`."""
        await self.driver.join(self.share)

    async def service(self) -> Manifest | None:
        """See `Way`: the session's own, which a call of the agent can come back by."""
        return await self._own.found()

    async def callers_service(self) -> Manifest | None:
        """The Service that callers use, and all share."""
        return await self._cluster.find(SERVICE, self._seat.service, self._seat.namespace)

    async def follow(self, reporter: Reporter) -> None:
        """See `Way`. Ends when ``give_back`` begins: what is put back must not be led anew."""
        self._at_rest.clear()
        try:
            async with task_group() as tasks:
                running = [
                    tasks.create_task(self._keep(reporter)),
                    tasks.create_task(self.driver.follow(reporter)),
                    tasks.create_task(tell_overlaps(self._seat, self.share, reporter)),
                    tasks.create_task(tidy(self._seat, reporter)),
                ]
                await self._ending.wait()
                for task in running:
                    task.cancel()
        finally:
            self._at_rest.set()

    async def give_back(self) -> None:
        """See `Way`. The last one out puts back what all shared."""
        self._ending.set()
        await self._at_rest.wait()
        if self._own.is_known and self._seat.shared.is_known:
            await self.driver.leave(self.share)
        self._last = self._last or await self._seat.shared.end(self._seat.lease)
        if self._last:
            await self._seat.shared.give_back()
            await self.driver.dissolve()

    async def remove(self) -> None:
        """See `Way`."""
        await self._own.remove()
        if self._last:
            await self._backends.delete()
            await self._seat.shared.delete()

    async def _share(self) -> None:
        """Join the others, or begin. Who was about to put all back has done so at the second look.

        Raises: Led if nobody puts it back.
        """
        try:
            await self._seat.shared.join(await self.driver.shared_journal())
        except Led:
            await self._seat.shared.join(await self.driver.shared_journal())

    def _before(self) -> dict[str, str]:
        """The Service's own selector, where callers are led elsewhere already."""
        key = f"{SERVICE}/{self._seat.namespace}/{self._seat.service}#/spec/selector"
        for entry in self._seat.shared.record.journal or ():
            if entry.key == key:
                return dict(entry.before or {})
        return {}

    async def _keep(self, reporter: Reporter) -> None:
        """Have the session's own Service there, whoever deletes it, until cancelled."""
        changes, where = Changes(LOOK_AGAIN), self._seat.namespace
        own = Which(SERVICE, where, fields=f"metadata.name={self.share.service}")
        watching = changes.of(self._cluster, own)
        await changes.follow(watching, look=lambda: self._look(reporter))

    async def _look(self, reporter: Reporter) -> None:
        name = f"service {self._seat.namespace}/{self.share.service}"
        try:
            found = await self.service()
            if self._own.is_made(found) and not self._lost:
                return
            self._lost = self._lost or f"{name} was deleted"
            await self._again(found)
        except KtError as error:  # it is looked at again; who has ended the session has told it
            log.info("%s can't be made again: %s", name, error)
            return
        reporter.note(f"{self._lost}, and is there again")
        self._lost = ""

    async def _again(self, found: Manifest | None) -> None:
        """Raises: Over if the session has ended, whose Service is to be gone then."""
        await self._seat.lease.check()
        if found is not None and owned_by(found, self._owner):  # made, but that was not answered
            self._said(self._own.take(found))
        else:
            seat = self._seat
            await self._make(await self._cluster.get(SERVICE, seat.service, seat.namespace))
        await self.driver.join(self.share)

    async def _make(self, service: Manifest) -> None:
        leaving = replace(self.share, leaving=True)
        self._said(await self._own.make(service, self._owner, leaving))

    def _said(self, made: Manifest) -> None:
        self.share = said_on(made, replace(self.share, leaving=True))
