"""The shares of one Service, as the cluster holds them: on a Service of each session's own."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from ktconnect import names
from ktconnect.errors import Conflict
from ktconnect.kube.failures import NotFound
from ktconnect.modes.checks.seen import SLICE, SLICE_OF, is_ready
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.session import Manifest, label_value
from ktconnect.rules.model import ANNOTATION, Share, share_note, share_of, shares_of

from .driver import Seat

log = logging.getLogger(__name__)

POINTER: Final = f"/metadata/annotations/{ANNOTATION}"


class Shares:
    """Every method raises what `Cluster` raises."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    def among(self, services: Iterable[Manifest]) -> tuple[Share, ...]:
        """Those of the shared Service, the oldest first."""
        target = label_value(self._seat.service)
        return shares_of(
            each
            for each in services
            if (each["metadata"].get("labels") or {}).get(names.LABEL_TARGET) == target
        )

    async def listed(self) -> tuple[Share, ...]:
        """Those of the shared Service, as they are now."""
        return self.among(await self._seat.cluster.list(SERVICE, self._seat.namespace))

    async def publish(self, share: Share) -> bool:
        """Have the session's Service say this; False if that is not there any more: another one may
        have its name by now."""
        same = [{"op": "test", "path": "/metadata/uid", "value": share.uid}] if share.uid else []
        patch = [*same, {"op": "add", "path": POINTER, "value": share_note(share)}]
        try:
            await self._seat.cluster.patch(SERVICE, share.service, patch, self._seat.namespace)
        except (NotFound, Conflict):
            return False
        return True

    async def served(self) -> frozenset[str]:
        """The names of the Services of this namespace that have somebody ready behind them."""
        slices = await self._seat.cluster.list(SLICE, self._seat.namespace)
        return frozenset(
            str((each["metadata"].get("labels") or {}).get(SLICE_OF))
            for each in slices
            if any(map(is_ready, each.get("endpoints") or ()))
        )

    async def withdraw(self, share: Share) -> None:
        """Take the session's Service away, once nobody is led there: proxies that keep connections
        for further requests then close them, and calls that go on end in order. Another one of its
        name stays."""
        namespace = self._seat.namespace
        with suppress(Conflict):
            await self._seat.cluster.delete(SERVICE, share.service, namespace, uid=share.uid)


def with_own(shares: tuple[Share, ...], own: Share | None) -> tuple[Share, ...]:
    """``shares`` with one's own, which a dry run never sees in the cluster."""
    if own is None or any(each.service == own.service for each in shares):
        return shares
    return (*shares, own)


def said_on(service: Manifest, share: Share) -> Share:
    """A share as it stands on the Service that was made for it: with its address and age."""
    note = {**(service["metadata"].get("annotations") or {}), ANNOTATION: share_note(share)}
    found = share_of({**service, "metadata": {**service["metadata"], "annotations": note}})
    if found is None:
        raise Conflict(f"service {share.service} was deleted at this very moment", hint="try again")
    return replace(found, leaving=share.leaving)
