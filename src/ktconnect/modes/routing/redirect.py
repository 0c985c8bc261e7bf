"""The selector of a shared Service: led to the router, and back, by any of those who share it.

What it was before stands in the journal of the Lease that all have in common. Whoever first sees
that its owner wants something else writes that down, and leads it again; the others see that it is
done. Nothing of it is kept in a process.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.modes.leading import (
    Selector,
    check_wanted,
    has,
    led_to,
    selector_of,
    without,
)
from ktconnect.modes.serving.end import to_the_end
from ktconnect.modes.serving.way import WayLost
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.router import router_name
from ktconnect.objects.session import Manifest
from ktconnect.sessions.shared import find_shared

from .driver import Seat

log = logging.getLogger(__name__)


class Redirect:
    """Every method raises what `Cluster` raises."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._backend = KubeBackend(seat.cluster)
        self._key = f"{SERVICE}/{seat.namespace}/{seat.service}#/spec/selector"

    def entry(self, service: Manifest) -> Entry:
        """The step, for the journal of a shared Lease that is yet to be made.

        Raises: UsageError for a Service without selector.
        """
        before = selector_of(service)
        return Entry("kube", self._key, before, led_to(before, router_name(self._seat.service)))

    @property
    def before(self) -> Selector:
        """Whom its callers went to before us."""
        return dict(self._entry().before or {})

    @property
    def ours(self) -> Selector:
        """What finds the router alone."""
        return dict(self._entry().after or {})

    def leads(self, service: Manifest) -> bool:
        """Whether callers are led to the router now."""
        return selector_of(service) == self.ours

    async def learn(self, service: Manifest) -> bool:
        """Take in what the Service's owner wants now; whether that was news.

        It is written down before anything is changed. Raises: WayLost if there is no selector any
        more, or one that leads to another agent or router; Conflict if somebody else was faster:
        look again.
        """
        ours = self.ours
        wanted = without(selector_of(service), ours)
        if not wanted and not has(selector_of(service), ours):
            raise WayLost(
                f"service {self._seat.where} was changed and has no selector any more",
                hint="start again to follow that",
            )
        if not wanted or wanted == self.before:
            return False
        check_wanted(wanted, self.before, self._seat.where)
        await self._seat.shared.write_journal(self._noting(wanted))
        return True

    async def lead(self, service: Manifest, *, to_router: bool) -> bool:
        """Lead callers to the router, or back for a while; whether something had to be changed.

        Raises: Over if our own session has ended.
        """
        now = selector_of(service)
        goal = self.ours if to_router else self.before
        if now == goal or not (to_router or has(now, self.ours)):
            return False
        await self._seat.lease.check()
        try:
            await to_the_end(self._backend.write(self._key, goal, expected=now))
        except Conflict as conflict:  # a newer state is on its way to us
            log.info("selector of %s: %s", self._seat.where, conflict)
            return False
        return True

    def _entry(self) -> Entry:
        for entry in self._journal():
            if entry.key == self._key:
                return entry
        raise Conflict(
            f"{self._seat.where} is shared without a router",
            hint="`ktctl birdseye` shows who shares it; join them with the same --mode",
        )

    def _noting(self, wanted: Selector) -> list[Entry]:
        return [
            replace(entry, before=wanted) if entry.key == self._key else entry
            for entry in self._journal()
        ]

    def _journal(self) -> Iterable[Entry]:
        return self._seat.shared.record.journal or ()


async def as_before(cluster: Cluster, service: Manifest) -> Manifest:
    """The Service as its owner wants it, though its callers may be led to a router."""
    metadata = service["metadata"]
    record = await find_shared(cluster, metadata["namespace"], metadata["name"])
    key = f"{SERVICE}/{metadata['namespace']}/{metadata['name']}#/spec/selector"
    for entry in (record.journal if record else None) or ():
        if entry.key == key and service["spec"].get("selector") == entry.after:
            return {**service, "spec": {**service["spec"], "selector": entry.before}}
    return service
