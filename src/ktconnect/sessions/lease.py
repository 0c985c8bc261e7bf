"""One session's Lease, as long as this process holds it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, KtError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import AlreadyExists, NotFound
from ktconnect.kube.watch import Event
from ktconnect.objects import lease_patch
from ktconnect.objects import session as leases
from ktconnect.objects.session import LEASE, Manifest, Record, Session, record_of

from .holders import Taken

log = logging.getLogger(__name__)

RENEWED_WITHIN = 5.0
"""Seconds that a renewal may take at least, before the next one is tried."""
WATCH_AGAIN = 2.0
"""Seconds until a watch that can't be had is tried again."""

Now = Callable[[], Awaitable[datetime]]


@dataclass(frozen=True, slots=True)
class Ended:
    """The Lease is no longer ours: ``by`` says who saw to that, "" if nobody told."""

    by: str

    def __str__(self) -> str:
        return f"undone by {self.by}" if self.by else "its Lease was deleted"


class Over(Conflict):
    """The Lease of our own session is not ours any more: nothing may be changed by it."""


class SessionLease:
    """A Lease that this process makes, renews and deletes. Closes: ``delete``.

    Every method raises what `Cluster` raises. All but ``create`` touch only the Lease that
    ``create`` made, told by its UID: one that another session made since is left alone.
    """

    def __init__(
        self,
        cluster: Cluster,
        session: Session,
        config: Mapping[str, Any],
        *,
        restore_after: float = leases.DURATION_SECONDS,
        now: Now | None = None,
    ) -> None:
        """``now`` tells the time; by default by the server's clock."""
        self._cluster = cluster
        self._config = config
        self._restore_after = restore_after
        self._now = now or server_clock(cluster)
        self._stored: Manifest | None = None
        self._sent: Manifest | None = None
        self._together: list[SessionLease] = []
        self.renewed_by: SessionLease | None = None
        """The Lease that this one is renewed with."""
        self.session = session

    @property
    def stored(self) -> Manifest:
        """The Lease as the server returned it last."""
        assert self._stored is not None, "create() makes it"
        return self._stored

    @property
    def owner(self) -> Manifest:
        """The owner reference for everything that the session makes."""
        return leases.owner(self.stored)

    @property
    def uid(self) -> str:
        return str(self.stored["metadata"]["uid"])

    async def create(self, journal: Iterable[Entry] = ()) -> Manifest:
        """Announce the session, with the undo of all that it is about to change.

        Raises: Taken if there is a Lease of that name.
        """
        now = await self._now()
        manifest = leases.lease(
            self.session, now, self._config, journal, restore_after=self._restore_after
        )
        self._sent = manifest
        try:
            self._stored = await self._cluster.create(manifest)
        except AlreadyExists:
            found = await self._cluster.find(LEASE, self.session.name, self.session.namespace)
            if found is None:  # it went away at this very moment
                return await self.create(journal)
            raise Taken(record_of(found), now) from None
        return self._stored

    async def write_journal(self, journal: Iterable[Entry]) -> None:
        """Replace the journal. Raises: Conflict, NotFound if the Lease is no longer ours."""
        await self._patch(lease_patch.journalling(journal, self.uid))

    async def renew(self) -> None:
        """Say that we are alive. Raises: Conflict, NotFound if the Lease is no longer ours."""
        await self._patch(lease_patch.renewal(await self._now(), self.uid))

    async def tell_leaving(self) -> None:
        """Say that we are about to end, for those who share something with us."""
        with suppress(Conflict, NotFound):  # somebody has undone us already
            if self._stored is not None:
                await self._patch(lease_patch.departing(self.uid))

    def renew_with(self, other: "SessionLease") -> None:
        """From now on ``keep_alive`` renews ``other`` as well, just after this one."""
        self._together.append(other)
        other.renewed_by = self

    @property
    def pace(self) -> float:
        """Seconds from one renewal to the next."""
        return leases.renew_seconds(self._restore_after)

    async def keep_alive(self, every: float | None = None) -> None:
        """Renew until cancelled. A cluster out of reach is not a reason to give up."""
        while True:
            pace = every or min(each.pace for each in (self, *self._together))
            await asyncio.sleep(pace)
            for each in (self, *self._together):
                try:
                    async with asyncio.timeout(max(pace, RENEWED_WITHIN)):
                        await each.renew()
                except (KtError, TimeoutError) as error:
                    log.debug("lease %s was not renewed: %s", each.session.name, error)

    async def check(self) -> None:
        """Make sure that it is still ours: a machine that wakes up may have been undone meanwhile.

        Raises: Over, a Conflict, saying by whom, if it is not.
        """
        found = await self._cluster.find(LEASE, self.session.name, self.session.namespace)
        record = record_of(found) if found else None
        if record is None or record.uid != self.uid:
            raise Over(f"the session is over: {Ended(record.holder if record else '')}")
        if record.taken_by:
            raise Over(f"the session is over: {Ended(record.taken_by)}")

    async def ended(self) -> Ended:
        """Wait until somebody took the session over, undid it, or deleted its Lease."""
        while True:
            try:
                return await self._watched()
            except KtError as error:  # a login that has run out, too: callers are served still
                log.info("the lease can't be watched: %s", error)
            await asyncio.sleep(WATCH_AGAIN)

    async def delete(self) -> bool:
        """Delete it, and with it all that it owns; False if it was not there any more.

        So is one whose ``create`` was never answered. One that another session made is left alone.
        """
        self._stored = self._stored or await self._unanswered()
        if self._stored is None:
            return False
        metadata = self._stored["metadata"]
        try:
            return await self._cluster.delete(
                LEASE, metadata["name"], metadata["namespace"], uid=self.uid
            )
        except Conflict:
            return False

    async def _unanswered(self) -> Manifest | None:
        """The Lease that was sent and may have arrived; its time, in microseconds, is like no
        other's."""
        if self._sent is None:
            return None
        found = await self._cluster.find(LEASE, self.session.name, self.session.namespace)
        whose = ("holderIdentity", "acquireTime")
        same = found and all(found["spec"].get(key) == self._sent["spec"][key] for key in whose)
        return found if same else None

    async def _patch(self, patch: list[dict[str, Any]]) -> None:
        name, namespace = self.session.name, self.session.namespace
        self._stored = await self._cluster.patch(LEASE, name, patch, namespace)

    async def _watched(self) -> Ended:
        name, present = self.session.name, False
        events = self._cluster.watch(LEASE, self.session.namespace, fields=f"metadata.name={name}")
        async with aclosing(events) as found:
            async for event in found:
                if event.type == "SYNCED" and not present:
                    return Ended("")
                if _is(event, name) and (end := self._end(event)) is not None:
                    return end
                present = present or _is(event, name)
        return Ended("")

    def _end(self, event: Event) -> Ended | None:
        record = record_of(event.object)
        if record.uid != self.uid:
            return Ended(record.holder) if event.type != "DELETED" else None
        if event.type == "DELETED" or record.taken_by:
            return Ended(record.taken_by)
        return None


def _is(event: Event, name: str) -> bool:
    return bool(event.object) and event.object["metadata"]["name"] == name


def server_clock(cluster: Cluster) -> Now:
    """Tells the time by the server's clock. Raises: as `Cluster.server_time`."""

    async def now() -> datetime:
        return datetime.fromtimestamp(await cluster.server_time(), UTC)

    return now


async def sessions(cluster: Cluster, namespace: str = "") -> list[Record]:
    """Every session that the cluster knows of in a namespace, or in all (""), by name.

    Raises: Forbidden without the right to list leases.
    """
    found = await cluster.list(LEASE, namespace, labels=leases.SELECTOR)
    return sorted(map(record_of, found), key=lambda record: (record.namespace, record.name))
