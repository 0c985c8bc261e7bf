"""The router driver: a stock Envoy in front of the Service, configured by a ConfigMap alone.

Whoever takes part keeps all of it as it should be (`settling`), and leads the Service's selector
there while a router is ready (`redirect`).
"""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from ktconnect import names
from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, KtError, Refused
from ktconnect.kube.failures import NotFound
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.kube.ready import wait_ready
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.way import WayLost
from ktconnect.modes.targets import SERVICE
from ktconnect.modes.watched import Which
from ktconnect.objects.router import RouterPod
from ktconnect.objects.session import label_value
from ktconnect.rules.envoy import STATS_PATH
from ktconnect.rules.model import Share, share_note
from ktconnect.sessions.lease import Over

from .backends import Backends
from .changes import BREATH, Changes
from .draining import cut_off, going_on
from .driver import Seat
from .ensure import NotOurs
from .redirect import Redirect
from .settling import Settling
from .shares import Shares

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 3.0
"""Seconds between two looks at what is not watched."""

IN_FORCE: Final = 15.0
"""Seconds until rules must be in force."""

OUT_OF_FORCE: Final = 5.0
"""... when they are left: who waits then wants to go home."""

PROXIES: Final = 1.0
"""Seconds until the nodes' proxies have followed the endpoints."""


class RouterDriver:
    """A `driver.Driver`: works on any cluster, and needs nothing to be there."""

    name = "router"

    def __init__(
        self, seat: Seat, backends: Backends, pod: RouterPod, *, within: float, why: str = ""
    ) -> None:
        """``pod``: how the router looks if it is not there yet. ``within``: seconds until one of
        its Pods must be ready."""
        self.why = why
        self.broken = "nobody is led to the router yet"
        self.journal: tuple[Entry, ...] = ()
        self._seat = seat
        self._within = within
        self._redirect = Redirect(seat)
        self._shares = Shares(seat)
        self._settling = Settling(seat, backends, self._redirect, self._shares, pod)
        self._envoys = self._settling.envoys
        self._changes = Changes(LOOK_AGAIN)
        self._hurry = False
        self._mine: Share | None = None
        self._trouble = ""
        self._reporter: Reporter | None = None  # from `check` on: before that nobody is led here

    async def shared_journal(self) -> tuple[Entry, ...]:
        """See `Driver`."""
        seat = self._seat
        service = await seat.cluster.get(SERVICE, seat.service, seat.namespace)
        return (self._redirect.entry(service),)

    async def prepare(self, share: Share) -> None:
        """See `Driver`.

        Who starts the router has his share in its very first files. Who finds one that serves is
        put in as one who is leaving: the way to him is there then before a request takes it.
        """
        if not any(isinstance(verdict(pod), Ready) for pod in await self._envoys.pods()):
            share = replace(share, leaving=False)
            await self._shares.publish(share)
        await self._settling.settle(share)

    async def rehearse(self, share: Share) -> None:
        """See `Driver`: all that it would write is prepared, or in the shared journal; but for the
        route of who finds a router that serves."""
        if any(isinstance(verdict(pod), Ready) for pod in await self._envoys.pods()):
            await self._settling.settle(replace(share, leaving=False))

    async def check(self, reporter: Reporter) -> None:
        """See `Driver`."""
        seat, self._reporter = self._seat, reporter
        try:
            await wait_ready(
                seat.cluster,
                seat.namespace,
                self._envoys.selector,
                deployment=self._settling.name,
                within=self._within,
            )
        except Refused as refused:
            raise Refused(
                f"the router of {seat.where} does not come up: {refused}; nothing was switched",
                hint=f"{refused.hint}; --routerImage names another image of Envoy",
            ) from None

    async def join(self, share: Share) -> None:
        """See `Driver`. Raises: Refused if the router does not take its new rules."""
        self._mine = replace(share, leaving=False)
        await self._shares.publish(self._mine)
        await self._settling.settle(share)
        if not await self._rules_in_force(IN_FORCE):
            kinds = ", ".join(self._settling.files.refused)
            raise Refused(
                f"the router of {self._seat.where} did not take its new rules within "
                f"{IN_FORCE:g} s" + (f": Envoy has refused {kinds}" if kinds else ""),
                hint=f"its log may tell why: kubectl logs -n {self._seat.namespace} "
                f"deployment/{self._settling.name}",
            )
        await self._settling.settle(share, lead=True)
        self._look()

    async def follow(self, reporter: Reporter) -> None:
        """See `Driver`."""
        seat, changes = self._seat, self._changes
        target = f"{names.LABEL_TARGET}={label_value(seat.service)}"
        which = (
            Which(SERVICE, seat.namespace, fields=f"metadata.name={seat.service}"),
            Which(SERVICE, seat.namespace, labels=target),
            Which("v1/Pod", seat.namespace, labels=self._envoys.selector),
        )
        await changes.follow(
            *(changes.of(seat.cluster, each) for each in which),
            changes.of_lease(seat.cluster, seat.namespace, seat.shared.session.name),
            look=lambda: self._settle_and_tell(reporter),
        )

    async def leave(self, share: Share) -> None:
        """See `Driver`."""
        if not await self._shares.publish(replace(share, leaving=True)):
            return
        try:
            await self._settling.settle(None)
            if await self._envoys.ready():
                await self._rules_in_force(OUT_OF_FORCE)
        except (Conflict, NotFound) as error:  # somebody is just taking all of it away
            log.info("leaving the router of %s: %s", self._seat.where, error)

    async def dissolve(self) -> None:
        """See `Driver`."""
        await asyncio.sleep(PROXIES)
        where = self._seat.where
        cut = await self._envoys.drain(lambda calls: self._note(going_on(calls, where)))
        await self._settling.delete()
        if cut:
            self._note(cut_off(cut, where))

    def _note(self, line: str) -> None:
        if self._reporter is not None:
            self._reporter.note(line)

    async def _settle_and_tell(self, reporter: Reporter) -> None:
        was = self.broken
        try:
            for line in await self._settling.settle(None, lead=True):
                reporter.note(line)
            await self._hurry_once_more()
            lost = await self._own_is_lost()
        except WayLost:
            raise
        except KtError as error:
            await self._failed(error, reporter)
            return
        self._trouble = ""
        self._look(lost)
        if self.broken and not was:
            past = "past the router, " if self._settling.broken else ""
            what = f"{self.broken}: requests go {past}to the original Pods"
            reporter.warn(what, "it is made again" if lost else "")
        elif was and not self.broken:
            reporter.note(f"the router of {self._seat.where} serves again")

    async def _hurry_once_more(self) -> None:
        if self._settling.files.fresh:
            self._hurry = True
        elif self._hurry:
            self._hurry = False
            await self._settling.files.hurry()

    async def _failed(self, error: KtError, reporter: Reporter) -> None:
        """What is over at the next look is looked at soon; the rest is told, once."""
        log.info("the router of %s: %s", self._seat.where, error)
        if isinstance(error, Conflict | NotFound) and not isinstance(error, NotOurs | Over):
            self._changes.tell()
            await asyncio.sleep(BREATH)
        elif str(error) != self._trouble and not isinstance(error, Over):
            what = f"the router of {self._seat.where} can't be kept as it should be: {error}"
            reporter.warn(what, error.hint or "it is tried again and again")
            self._trouble = str(error)

    async def _own_is_lost(self) -> str:
        """Have our own share said in the cluster as it was; why that can't be, "" if it is."""
        mine, seat = self._mine, self._seat
        if mine is None or any(_says(each, mine) for each in self._settling.shares):
            return ""
        await seat.lease.check()  # who ends us has it leave, too
        if await self._shares.publish(mine):
            return ""
        return f"service {seat.namespace}/{mine.service}, by which requests come here, was deleted"

    def _look(self, lost: str = "") -> None:
        self.broken = self._settling.broken or lost

    async def _rules_in_force(self, within: float) -> bool:
        settling, hurry = self._settling, self._settling.files.hurry
        return await self._envoys.all_are(STATS_PATH, settling.is_in_force, within, hurry)


def _says(found: Share, mine: Share) -> bool:
    return found.uid == mine.uid and share_note(found) == share_note(mine)
