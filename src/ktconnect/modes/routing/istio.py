"""The istio driver: sidecars are told by VirtualService, and nothing else of the Service changes.

The rules are the callers' sidecars' business (Istio, "Traffic Management"), so only callers that
have one are told apart; and STRICT mTLS holds, since the agent has a sidecar of its own.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, KtError, Refused, UsageError
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import VIRTUAL_SERVICE
from ktconnect.modes.checks.seen import SLICE
from ktconnect.modes.report import Reporter
from ktconnect.modes.targets import SERVICE
from ktconnect.modes.watched import Which
from ktconnect.rules.model import Share

from .changes import Changes
from .driver import Seat
from .istio_policy import DESTINATION_RULE
from .istio_rules import IstioRules
from .shares import Shares

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 5.0
"""Seconds between two looks at all, whatever the watches say."""

HEARD: Final = 2.0
"""Seconds until all sidecars have heard of a rule that is gone: istiod waits 0.1 s for more to
change, and tells all of them at once."""


class IstioDriver:
    """A `driver.Driver`: where Istio's sidecars stand beside callers."""

    name = "istio"
    journal: tuple[Entry, ...] = ()
    """What is put among the user's rules is written down when it is known: see `istio_theirs`."""

    def __init__(self, seat: Seat, *, why: str = "") -> None:
        self.why = why
        self.broken = "no rule leads here yet"
        self._seat = seat
        self._shares = Shares(seat)
        self._rules = IstioRules(seat)
        self._mine: Share | None = None
        self._taking = False
        self._changing = asyncio.Lock()
        self._changes = Changes(LOOK_AGAIN)
        self._notes: list[str] = []

    async def shared_journal(self) -> tuple[Entry, ...]:
        """See `Driver`: nothing; what is shared is made by us, and goes with the Lease."""
        return ()

    async def prepare(self, share: Share) -> None:
        """See `Driver`. Raises: UsageError if Istio can't be told of this share."""
        self._notes = await self._rules.check(share)
        self._mine = share

    async def rehearse(self, share: Share) -> None:
        """See `Driver`."""
        taking = replace(share, leaving=False)
        await self._rules.settle(taking, taking=True, sure=True, written_down=False)

    async def check(self, reporter: Reporter) -> None:
        """See `Driver`: Istio's own part is there already."""
        for note in self._notes:
            reporter.note(note)

    async def join(self, share: Share) -> None:
        """See `Driver`. Raises: Refused if the user's rules leave no room any more."""
        async with self._changing:
            self._mine, self._taking = share, True
            await self._shares.publish(replace(share, leaving=False))
            try:
                await self._rules.settle(share, taking=True, sure=True)
            except UsageError as error:
                raise Refused(str(error), hint=error.hint) from None
            self.broken = ""

    async def follow(self, reporter: Reporter) -> None:
        """See `Driver`."""
        seat, changes = self._seat, self._changes
        kinds = (SERVICE, SLICE, VIRTUAL_SERVICE, DESTINATION_RULE)
        await changes.follow(
            *(changes.of(seat.cluster, Which(kind, seat.namespace)) for kind in kinds),
            look=lambda: self._settle_and_tell(reporter),
        )

    async def leave(self, share: Share) -> None:
        """See `Driver`."""
        if self._mine is None:
            return
        async with self._changing:
            self._taking, self.broken = False, "its rules are taken out"
            await self._shares.publish(replace(share, leaving=True))
            try:
                changed = await self._rules.settle(share, taking=False)
            except (Conflict, NotFound) as error:  # somebody is just taking all of it away
                log.info("leaving the rules of %s: %s", self._seat.where, error)
                changed = True
        if changed:
            await asyncio.sleep(HEARD)
        await self._shares.withdraw(share)

    async def dissolve(self) -> None:
        """See `Driver`."""
        await self._rules.dissolve()

    async def _settle_and_tell(self, reporter: Reporter) -> None:
        was = self.broken
        async with self._changing:
            if not self._taking:
                return
            try:
                await self._rules.settle(self._mine, taking=True)
                self.broken = "" if self._rules.is_served else "the agent is not there"
            except UsageError as error:
                self.broken = str(error)
            except KtError as error:
                log.info("the rules of %s: %s", self._seat.where, error)
                return
        if self.broken and not was:
            what = f"{self.broken}: requests of {self._seat.where} that match are not led here"
            reporter.warn(what, "it is looked at again and again")
        elif was and not self.broken:
            reporter.note(f"requests of {self._seat.where} that match are led here again")
