"""The original Pods of a shared Service, by two Services: one with a cluster IP, one headless.

The first is where agents take callers while a laptop is away, as in an exchange: it needs no DNS.
The second gives a router each Pod's own address: one cluster IP would pin HTTP/2 to one Pod.
"""

import asyncio
import logging
from typing import Final

from ktconnect.errors import Refused
from ktconnect.modes.checks.seen import SLICE, SLICE_OF, is_ready
from ktconnect.modes.leading import Selector
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.origin import address_of, origin_name, origin_service
from ktconnect.objects.router import pods_name, pods_service
from ktconnect.objects.session import Manifest
from ktconnect.sessions.shared_names import shared_session

from .driver import Seat
from .ensure import Ensured, owned_by

log = logging.getLogger(__name__)

ADDRESSES: Final = ("clusterIP", "clusterIPs")

TRIES: Final = 5
AGAIN: Final = 0.2
"""Seconds between them: a server tells that a Service is gone before it lets its address go."""


class Backends:
    """Owned by the shared Lease. Every method raises what `Cluster` raises."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._cluster = seat.cluster
        self._ensured = Ensured(seat.cluster)
        self._made: Manifest | None = None
        self.name = origin_name(seat.service)
        self.pods = pods_name(seat.service)

    def address(self, port: int) -> str:
        """``host:port`` of a port of the one with a cluster IP."""
        assert self._made is not None, "ensure() makes it"
        return address_of(self._made, port)

    @property
    def are_there(self) -> bool:
        """Whether they were ensured."""
        return self._made is not None

    @property
    def cluster_ip(self) -> str:
        """Its address alone."""
        assert self._made is not None, "ensure() makes it"
        return str(self._made["spec"]["clusterIP"])

    async def ensure(
        self,
        service: Manifest,
        selector: Selector,
        there: dict[str, Manifest],
        *,
        headless: bool = False,
        was: str = "",
    ) -> list[str]:
        """Have both, for the Pods of ``selector`` and with the ports that ``service`` has.

        ``there``: the Services of the namespace, by name. ``was``: the address that the others know
        the first by, for who has not seen it himself. Returns what had to be done, by name.
        Raises: Conflict if something else has one of the names.
        """
        before = {**service, "spec": {**service["spec"], "selector": selector}}
        session = shared_session(self._seat.service, self._seat.namespace)
        owner = self._seat.shared.owner
        wanted = [origin_service(session, before, [owner])]
        if headless:
            wanted.append(pods_service(session, before, [owner]))
        done = []
        for manifest in wanted:
            name = manifest["metadata"]["name"]
            made, changed = await self._there(manifest, there.get(name), was)
            if name == self.name:
                self._made = made
            if changed:
                done.append(name)
        return done

    async def _there(
        self, manifest: Manifest, found: Manifest | None, was: str
    ) -> tuple[Manifest, bool]:
        owner = self._seat.shared.owner
        had = self._addresses(was) if manifest["metadata"]["name"] == self.name else {}
        if found is not None or not had:
            return await self._ensured.there(manifest, owner, found)
        kept = {**manifest, "spec": manifest["spec"] | had}
        for _ in range(TRIES):
            try:
                return await self._ensured.there(kept, owner, None)
            except Refused as refused:
                log.info("service %s does not get its address again: %s", self.name, refused)
            await asyncio.sleep(AGAIN)
        return await self._ensured.there(manifest, owner, None)

    def _addresses(self, was: str) -> Manifest:
        """Those that it had, if it was there: agents know them, and go there without a laptop."""
        if self._made is None:
            return {"clusterIP": was} if was else {}
        return {key: self._made["spec"][key] for key in ADDRESSES if key in self._made["spec"]}

    async def slices(self) -> list[Manifest]:
        """The EndpointSlices of the one with a cluster IP."""
        labels = f"{SLICE_OF}={self.name}"
        return await self._cluster.list(SLICE, self._seat.namespace, labels=labels)

    async def has_backends(self) -> bool:
        """Whether any of its Pods is ready, as far as the cluster has noticed."""
        slices = await self.slices()
        return any(map(is_ready, (each for found in slices for each in found["endpoints"] or ())))

    async def delete(self) -> None:
        """Take both away. Those that another shared Lease has made since stay."""
        self._made = None
        for name in (self.name, self.pods):
            found = await self._cluster.find(SERVICE, name, self._seat.namespace)
            if found is not None and owned_by(found, self._seat.shared.owner):
                await self._ensured.remove(SERVICE, found)
