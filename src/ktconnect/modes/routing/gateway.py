"""The gateway driver: each session has HTTPRoutes of its own, whose parent is the Service.

Meshes that read them (Istio, Linkerd, Kuma, Cilium) put all routes of a Service together by
themselves, so sessions have nothing in common to agree on, and one delete undoes one of them.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ktconnect.apply.change import Entry
from ktconnect.errors import KtError, Refused
from ktconnect.kube.paths import HTTP_ROUTE
from ktconnect.modes.checks.seen import SLICE
from ktconnect.modes.report import Reporter
from ktconnect.modes.targets import SERVICE
from ktconnect.modes.watched import Which
from ktconnect.rules.gateway import Standing, standing
from ktconnect.rules.model import Share

from .changes import Changes
from .driver import Seat
from .gateway_routes import Routes
from .shares import Shares

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 5.0
"""Seconds between two looks at all, whatever the watches say."""

ACCEPTED: Final = 20.0
"""Seconds until a mesh must have said that it takes a route."""

LOOK: Final = 0.2

HEARD: Final = 2.0
"""Seconds until all proxies have heard of a route that is gone."""


class GatewayDriver:
    """A `driver.Driver`: for meshes that take HTTPRoutes with a Service as parent."""

    name = "gateway"
    journal: tuple[Entry, ...] = ()
    """Nothing of others is changed: the routes are ours, and go with the session's Lease."""

    def __init__(self, seat: Seat, *, regex: bool = False, why: str = "") -> None:
        """``regex``: the mesh matches by RE2, as a whole."""
        self.why = why
        self.broken = "no route leads here yet"
        self._seat = seat
        self._shares = Shares(seat)
        self._routes = Routes(seat, regex=regex)
        self._mine: Share | None = None
        self._taking = False
        self._changing = asyncio.Lock()
        self._changes = Changes(LOOK_AGAIN)

    async def shared_journal(self) -> tuple[Entry, ...]:
        """See `Driver`."""
        return ()

    async def prepare(self, share: Share) -> None:
        """See `Driver`. Raises: UsageError if the Gateway API can't be told of this share."""
        await self._routes.check(share)
        self._mine = share

    async def rehearse(self, share: Share) -> None:
        """See `Driver`."""
        await self._routes.settle(share, sure=True)

    async def check(self, reporter: Reporter) -> None:
        """See `Driver`: who is to take the routes is there, or it isn't; `join` sees that."""

    async def join(self, share: Share) -> None:
        """See `Driver`. Raises: Refused if no mesh takes the routes, with what it says."""
        async with self._changing:
            self._mine, self._taking = share, True
            await self._shares.publish(replace(share, leaving=False))
            await self._routes.settle(share, sure=True)
            await self._accepted()
            self.broken = ""

    async def follow(self, reporter: Reporter) -> None:
        """See `Driver`."""
        seat, changes = self._seat, self._changes
        kinds = (SERVICE, SLICE, HTTP_ROUTE)
        await changes.follow(
            *(changes.of(seat.cluster, Which(kind, seat.namespace)) for kind in kinds),
            look=lambda: self._settle_and_tell(reporter),
        )

    async def leave(self, share: Share) -> None:
        """See `Driver`."""
        if self._mine is None:
            return
        async with self._changing:
            self._taking, self.broken = False, "its routes are taken out"
            await self._shares.publish(replace(share, leaving=True))
            gone = await self._routes.delete()
        if gone:
            await asyncio.sleep(HEARD)
        await self._shares.withdraw(share)

    async def dissolve(self) -> None:
        """See `Driver`: no session has left anything."""

    async def _accepted(self) -> None:
        """Wait until some mesh takes all routes. Raises: Refused."""
        stands: Sequence[Standing] = ()
        try:
            async with asyncio.timeout(ACCEPTED):
                while not stands or not all(each.accepted for each in stands):
                    stands = [standing(route) for route in await self._routes.own()]
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise _turned_down(self._seat.where, stands) from None

    async def _settle_and_tell(self, reporter: Reporter) -> None:
        was = self.broken
        async with self._changing:
            if not self._taking or self._mine is None:
                return
            try:
                await self._routes.settle(self._mine)
                stands = [standing(route) for route in await self._routes.own()]
            except KtError as error:
                log.info("the routes of %s: %s", self._seat.where, error)
                return
            bad = next((each for each in stands if each.accepted is False), None)
            self.broken = f"{bad.by} does not take our route: {bad.why}" if bad else ""
            self.broken = self.broken if self._routes.is_served else "the agent is not there"
        if self.broken and not was:
            what = f"{self.broken}: requests of {self._seat.where} that match are not led here"
            reporter.warn(what, "it is looked at again and again")
        elif was and not self.broken:
            reporter.note(f"requests of {self._seat.where} that match are led here again")


def _turned_down(where: str, stands: Sequence[Standing]) -> Refused:
    bad = next((each for each in stands if each.accepted is False), None)
    if bad is not None:
        return Refused(
            f"{bad.by} does not take the routes of {where}: {bad.why}",
            hint="`--mode router` needs no mesh",
        )
    return Refused(
        f"nobody has taken the routes of {where} within {ACCEPTED:g} s: no mesh in this cluster "
        "reads HTTPRoutes whose parent is a Service",
        hint="`--mode router` needs no mesh",
    )
