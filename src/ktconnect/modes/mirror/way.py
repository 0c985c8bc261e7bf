"""The way of a mirror: a share that is answered by nobody but the origin."""

import asyncio
import logging
from typing import Final

from ktconnect.modes.routing.driver import Seat
from ktconnect.modes.routing.sharing import MakeDriver, SharingWay
from ktconnect.modes.serving.way import InboundPlan, Origins
from ktconnect.objects.session import Manifest
from ktconnect.rules.model import Share

from .tapping import Tapping

log = logging.getLogger(__name__)

TAPPED: Final = 5.0
"""Seconds until answers of the origin must be seen; later will do, but comparing begins then."""


class MirrorWay(SharingWay):
    """A `serving.way.Way`. Copies have nowhere else to go: without a laptop they are dropped."""

    def __init__(
        self,
        seat: Seat,
        plan: InboundPlan,
        share: Share,
        driver: MakeDriver,
        *,
        tapping: Tapping | None,
        advice: tuple[str, ...],
    ) -> None:
        """``tapping``: what sees the origin's answers, if somebody wants to; not run by us."""
        banner = f"Now requests to service '{plan.service}' are copied to local"
        super().__init__(seat, plan, share, driver, banner=banner, advice=advice)
        self._tapping = tapping

    async def prepare(self, owner: Manifest) -> Origins:
        """See `Way`."""
        await super().prepare(owner)
        return {}

    async def switch(self) -> None:
        """See `Way`."""
        await super().switch()
        if self._tapping is not None:
            self._tapping.begin(self.share)
            await self._until_tapped(self._tapping)

    async def _until_tapped(self, tapping: Tapping) -> None:
        try:
            async with asyncio.timeout(TAPPED):
                await tapping.open.wait()
        except TimeoutError:
            log.info("answers of the origin of %s can't be seen yet", self._plan.where)
