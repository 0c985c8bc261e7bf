"""The Service of one session alone: it leads to its agent, and says which requests are meant."""

import logging
from typing import Final

from ktconnect.errors import Conflict, Refused
from ktconnect.kube.failures import AlreadyExists
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.router import share_service
from ktconnect.objects.session import Manifest
from ktconnect.rules.model import ANNOTATION, Share, share_note

from .backends import ADDRESSES
from .driver import Seat
from .ensure import owned_by

log = logging.getLogger(__name__)

TRIES: Final = 2


class OwnService:
    """Owned by the session's Lease. Every method raises what `Cluster` raises."""

    def __init__(self, seat: Seat, plan: InboundPlan, name: str) -> None:
        self._seat = seat
        self._cluster = seat.cluster
        self._plan = plan
        self._made: Manifest | None = None
        self.name = name

    @property
    def is_known(self) -> bool:
        """Whether it was made, and not yet taken away."""
        return self._made is not None

    async def found(self) -> Manifest | None:
        """The Service of its name, as it is now, whoever's that is."""
        return await self._cluster.find(SERVICE, self.name, self._seat.namespace)

    def is_made(self, found: Manifest | None) -> bool:
        """Whether that is the one that was made last."""
        made = self._made
        return bool(found and made and found["metadata"]["uid"] == made["metadata"]["uid"])

    async def make(self, service: Manifest, owner: Manifest, share: Share) -> Manifest:
        """Make it for the ports of ``service``, with what ``share`` says. One of a session that is
        no more is in the way for a moment.

        Raises: Conflict if something else has its name.
        """
        manifest = share_service(self._plan.agent, self.name, service, self._plan.exposed, [owner])
        manifest["metadata"]["annotations"] |= {ANNOTATION: share_note(share)}
        for _ in range(TRIES):
            try:
                return self.take(await self._created(manifest))
            except AlreadyExists:
                await self._clear(owner)
        raise Conflict(
            f"service {self.name} is made by somebody at this very moment", hint="try again"
        )

    def take(self, found: Manifest) -> Manifest:
        """From now on it is this one: it was made, but that was not answered."""
        self._made = found
        return found

    async def remove(self) -> None:
        """Delete the one that was made last. Idempotent."""
        made, self._made = self._made, None
        if made is not None:
            await self._delete(made)

    async def _created(self, manifest: Manifest) -> Manifest:
        """With the address that it had, if it had one and that is still free."""
        had = self._made["spec"] if self._made else {}
        kept = {key: had[key] for key in ADDRESSES if key in had}
        if kept:
            try:
                return await self._cluster.create({**manifest, "spec": manifest["spec"] | kept})
            except Refused as refused:
                log.info("service %s gets a new address: %s", self.name, refused)
        return await self._cluster.create(manifest)

    async def _clear(self, owner: Manifest) -> None:
        found = await self.found()
        if found is None or owned_by(found, owner):
            return
        owners = found["metadata"].get("ownerReferences") or ()
        if not any(each["kind"] == "Lease" for each in owners):
            raise Conflict(
                f"there is a Service {self.name} in namespace {self._seat.namespace} that is not "
                "ours",
                hint="take another --versionMark: it is a part of that name",
            )
        await self._delete(found)

    async def _delete(self, found: Manifest) -> None:
        metadata = found["metadata"]
        try:
            await self._cluster.delete(
                SERVICE, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )
        except Conflict:
            return
