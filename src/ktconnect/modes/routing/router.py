"""The router driver: a stock Envoy in front of the Service, configured by a ConfigMap alone.

Whoever takes part keeps all of it as it should be (`settling`), and leads the Service's selector
there while a router is ready (`redirect`).
"""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, KtError, Refused
from ktconnect.groups import task_group
from ktconnect.kube.failures import NotFound
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.kube.ready import wait_ready
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.way import WayLost
from ktconnect.modes.targets import SERVICE
from ktconnect.modes.watched import Which, watched
from ktconnect.objects.router import RouterPod
from ktconnect.objects.session import LEASE, Manifest
from ktconnect.rules.envoy import STATS_PATH
from ktconnect.rules.model import Share
from ktconnect.tunnel.tunnel import Tunnel

from .backends import Backends
from .driver import Place
from .redirect import Redirect
from .settling import Settling
from .shares import Shares

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 3.0
"""Seconds between two looks at what is not watched."""

BREATH: Final = 0.05
"""Seconds in which what changes together has changed."""

IN_FORCE: Final = 15.0
"""Seconds until rules must be in force."""

OUT_OF_FORCE: Final = 5.0
"""... when they are left: who waits then wants to go home."""

PROXIES: Final = 1.0
"""Seconds until the nodes' proxies have followed the endpoints."""

DRAIN: Final = 8.0
"""Seconds for which calls that go on through the router may take to end."""


class RouterDriver:
    """A `driver.Driver`: works on any cluster, and needs nothing to be there."""

    name = "router"

    def __init__(
        self, place: Place, backends: Backends, pod: RouterPod, *, within: float, why: str = ""
    ) -> None:
        """``pod``: how the router looks if it is not there yet. ``within``: seconds until one of
        its Pods must be ready."""
        self.why = why
        self.broken = "nobody is led to the router yet"
        self.journal: tuple[Entry, ...] = ()
        self._place = place
        self._within = within
        self._redirect = Redirect(place)
        self._shares = Shares(place)
        self._settling = Settling(place, backends, self._redirect, self._shares, pod)
        self._envoys = self._settling.envoys
        self._changed = asyncio.Event()
        self._hurry = False

    async def shared_journal(self) -> tuple[Entry, ...]:
        """See `Driver`."""
        place = self._place
        service = await place.cluster.get(SERVICE, place.service, place.namespace)
        return (self._redirect.entry(service),)

    async def prepare(self, owner: Manifest, share: Share) -> None:
        """See `Driver`.

        Who starts the router has his share in its very first files. Who finds one that serves is
        put in as one who is leaving: the way to him is there then before a request takes it.
        """
        if not any(isinstance(verdict(pod), Ready) for pod in await self._envoys.pods()):
            share = replace(share, leaving=False)
            await self._shares.publish(share)
        await self._settling.settle(share)

    async def rehearse(self, share: Share) -> None:
        """See `Driver`: all that it would write is prepared, or in the shared journal."""

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """See `Driver`."""
        place = self._place
        try:
            await wait_ready(
                place.cluster,
                place.namespace,
                self._envoys.selector,
                deployment=self._settling.name,
                within=self._within,
            )
        except Refused as refused:
            raise Refused(
                f"the router of {place.where} does not come up: {refused}; nothing was switched",
                hint=f"{refused.hint}; --routerImage names another image of Envoy",
            ) from None

    async def join(self, share: Share) -> None:
        """See `Driver`. Raises: Refused if the router does not take its new rules."""
        await self._shares.publish(replace(share, leaving=False))
        await self._settling.settle(share)
        if not await self._rules_in_force(IN_FORCE):
            raise Refused(
                f"the router of {self._place.where} did not take its new rules within "
                f"{IN_FORCE:g} s",
                hint=f"its log may tell why: kubectl logs -n {self._place.namespace} "
                f"deployment/{self._settling.name}",
            )
        await self._settling.settle(share, lead=True)
        self._look()

    async def follow(self, reporter: Reporter) -> None:
        """See `Driver`."""
        place, changed = self._place, self._changed.set
        router = Which("v1/Pod", place.namespace, labels=self._envoys.selector)
        lease = Which(LEASE, place.namespace, fields=f"metadata.name={place.shared.session.name}")
        async with task_group() as tasks:
            for which in (Which(SERVICE, place.namespace), router, lease):
                tasks.create_task(watched(place.cluster, which, {}, changed))
            while True:
                await self._a_change()
                await self._settle_and_tell(reporter)

    async def leave(self, share: Share) -> None:
        """See `Driver`."""
        if not await self._shares.publish(replace(share, leaving=True)):
            return
        try:
            await self._settling.settle(None)
            await self._rules_in_force(OUT_OF_FORCE)
        except (Conflict, NotFound) as error:  # somebody is just taking all of it away
            log.info("leaving the router of %s: %s", self._place.where, error)

    async def dissolve(self) -> None:
        """See `Driver`."""
        await asyncio.sleep(PROXIES)
        await self._envoys.drain(DRAIN)
        await self._settling.delete()

    async def _a_change(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(BREATH)
        self._changed.clear()

    async def _settle_and_tell(self, reporter: Reporter) -> None:
        was = self.broken
        try:
            for line in await self._settling.settle(None, lead=True):
                reporter.note(line)
        except WayLost:
            raise
        except KtError as error:
            log.info("the router of %s: %s", self._place.where, error)
            self._changed.set()
            await asyncio.sleep(BREATH)
            return
        if self._settling.fresh:
            self._hurry = True
        elif self._hurry:
            self._hurry = False
            await self._settling.hurry()
        self._look()
        if self.broken and not was:
            reporter.warn(f"{self.broken}: requests go past the router, to the original Pods")
        elif was and not self.broken:
            reporter.note(f"the router of {self._place.where} serves again")

    def _look(self) -> None:
        self.broken = self._settling.broken

    async def _rules_in_force(self, within: float) -> bool:
        settling = self._settling
        return await self._envoys.all_are(STATS_PATH, settling.is_in_force, within, settling.hurry)
