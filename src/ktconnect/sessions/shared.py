"""One Lease for what several sessions of one Service share: a router, rules, a changed selector.

It is made, with its journal, by whoever comes first; found and joined by all others; renewed by
every one of them, so that it is alive while anyone is; ended by the last. Nobody counts: who is
there is read off the Leases of the sessions themselves, each of which names it in its ``kt-config``
as ``shared``. So a session must be announced before it joins.

Two things can meet: the last one leaves, and somebody joins. Both change the Lease by
compare-and-swap, so one of them is first, and the other sees it: who leaves stays for the joiner,
or who joins waits until all is put back, and begins anew.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from ktconnect import names
from ktconnect.apply.change import Entry
from ktconnect.apply.engine import Undone, undo
from ktconnect.errors import Conflict
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.undoable import is_led
from ktconnect.objects import lease_patch
from ktconnect.objects import session as leases
from ktconnect.objects.session import LEASE, Manifest, Record, record_of

from .holders import Taken
from .lease import Now, SessionLease, sessions
from .restore import check_journal, restore
from .shared_names import participants, shared_name, shared_session

log = logging.getLogger(__name__)

TRIES: Final = 20
LOOK: Final = 0.3
JOIN_WITHIN: Final = 10.0
"""Seconds for which who joins waits for one that is being ended, beyond those in which whoever ends
it is found to be dead."""


class Led(Conflict):
    """Callers were led to us already by one whose Lease is gone: what was before is not known from
    that. Look at the Service again: it may have been put back since."""


class SharedLease(SessionLease):
    """The Lease ``kt-router-SERVICE``, as one of those who share it holds it.

    ``own.renew_with(it)`` and ``join`` first; ``ended`` tells when somebody else has ended it
    (``join`` again makes it anew), ``write_journal`` is for when what is to be put back has
    changed. In the end ``end``, and if that says so ``give_back`` and ``delete``. ``owner`` is the
    owner reference for all that is shared. Every method raises what `Cluster` raises.
    """

    def __init__(
        self,
        cluster: Cluster,
        service: str,
        namespace: str,
        driver: str,
        *,
        restore_after: float = leases.DURATION_SECONDS,
        now: Now | None = None,
    ) -> None:
        """``driver`` (router, istio) is what it is made with, if it is not there yet."""
        self._target = f"service/{service}"
        self._leaving = False
        config = {"mode": names.ROUTER, "driver": driver, "target": self._target}
        session = shared_session(service, namespace)
        super().__init__(cluster, session, config, restore_after=restore_after, now=now)

    @property
    def is_known(self) -> bool:
        """Whether it has been made, joined, or at least seen."""
        return self._stored is not None

    @property
    def record(self) -> Record:
        """What it said when it was read or written last; ``journal`` has what is put back."""
        return record_of(self.stored)

    @property
    def driver(self) -> str:
        """The driver that whoever came first has chosen."""
        return str(self.record.config.get("driver", ""))

    async def join(self, journal: Iterable[Entry]) -> bool:
        """Make it with this journal, and return True; or join the one that is there, and leave its
        journal alone. One that everybody has left behind is joined, too.

        May be called again, when ``ended`` has told that it is no more.
        Raises: Conflict if somebody is ending it and does not get done, or if it was us who left;
        Led, before anything is made, if the journal would put back a way to one of us; KtError if
        the journal that is there is one that ktctl does not trust.
        """
        if self._leaving:
            raise Conflict(f"what was shared for {self._target} was left by us")
        entries = tuple(journal)
        made = await self._made_or_joined(entries)
        lasts = self.record.duration.total_seconds() if self.is_known else self._restore_after
        try:
            async with asyncio.timeout(lasts + JOIN_WITHIN):
                while made is None:
                    await asyncio.sleep(LOOK)
                    made = await self._made_or_joined(entries)
        except TimeoutError:
            by = self.record.taken_by if self.is_known else "somebody"
            raise Conflict(
                f"{self._target} is being put back, by {by}, and that does not end",
                hint=f"`ktctl recover {self._target} --takeover` does it in their place",
            ) from None
        return made

    async def renew(self) -> None:
        """Say that one of those who share it is alive. One that somebody has ended or deleted
        though we live is joined again, or made anew with what we know of its journal.

        Before ``join`` and after ``end`` that is not ours to do. Raises: Over if the session that
        renews it has ended itself.
        """
        if not self.is_known:
            return
        if self._leaving or await self.refresh() is not None:
            await super().renew()
        else:
            if self.renewed_by is not None:
                await self.renewed_by.check()
            await self.join(self.record.journal or ())

    async def write_journal(self, journal: Iterable[Entry]) -> None:
        """Replace the journal that was read last.

        Raises: Conflict if somebody else has replaced it since (``refresh``, and look again what
        there is), or if it is not ours any more; NotFound.
        """
        before = self.stored["metadata"]["annotations"][names.ANNOTATION_JOURNAL]
        path = f"/metadata/annotations/{names.ANNOTATION_JOURNAL}"
        unchanged = {"op": "test", "path": path, "value": before}
        await self._patch([unchanged, *lease_patch.journalling(journal, self.uid)])

    async def refresh(self) -> Record | None:
        """Read it again; None if the one that was joined is no more, or is being ended."""
        found = await self._found()
        if found is None or found["metadata"]["uid"] != self.uid:
            return None
        self._stored = found
        return None if self.record.taken_by else self.record

    async def others(self, own: SessionLease) -> list[Record]:
        """Who else takes part in it, is alive, and not about to leave."""
        namespace, now = self.session.namespace, await self._now()
        found = participants(await sessions(self._cluster, namespace), namespace, self.session.name)
        mine = own.session.name
        return [each for each in found if each.name != mine and _stays(each, now)]

    async def end(self, own: SessionLease) -> bool:
        """Whether we are the last and nobody can join any more, so that all is ours to put back.

        From now on ``own``, the Lease of our own session, does not count as one that stays. May be
        called whether we have joined or not, and again after what follows has failed. False also
        when somebody else is about to put all back, or has done so.
        """
        self._leaving = True
        await own.tell_leaving()
        by = f"{own.session.holder}, the last to leave (session {own.session.name})"
        for _ in range(TRIES):
            found = await self._found()
            if found is None:
                return False
            record = record_of(found)
            if record.taken_by or await self.others(own):
                self._stored = found
                return record.taken_by == by
            with suppress(Conflict, NotFound):  # someone came, or went, at this very moment
                await self._patch(lease_patch.taking(by, record.uid, record.version))
                return True
        return False

    async def give_back(self) -> Undone:
        """Put back what the journal says; what somebody else has changed is left alone.

        Raises: KtError naming each field that could not be read or written.
        """
        check_journal(self.record)
        return await undo(self.record.journal or (), {"kube": KubeBackend(self._cluster)})

    async def _found(self) -> Manifest | None:
        return await self._cluster.find(LEASE, self.session.name, self.session.namespace)

    async def _made_or_joined(self, journal: tuple[Entry, ...]) -> bool | None:
        """True: made; False: joined; None: look again."""
        found = await self._found()
        if found is None:
            self._check_before(journal)
            with suppress(Taken):
                await self.create(journal)
                return True
            return None
        self._stored, record = found, record_of(found)
        check_journal(record)
        if record.taken_by:
            await self._finish(record)
            return None
        return await self._joined(record)

    def _check_before(self, journal: tuple[Entry, ...]) -> None:
        if any(is_led(each.before) for each in journal):
            raise Led(
                f"callers of {self._target} are led to a router or an agent whose session is gone",
                hint=f"`ktctl recover {self._target}` gives it back to its own Pods",
            )

    async def _joined(self, record: Record) -> bool | None:
        unchanged = {"op": "test", "path": "/metadata/resourceVersion", "value": record.version}
        with suppress(Conflict, NotFound):
            await self._patch([unchanged, *lease_patch.renewal(await self._now(), record.uid)])
            self._restore_after = record.duration.total_seconds()  # all renew at the same pace
            return False
        return None

    async def _finish(self, record: Record) -> None:
        """Put all back in the place of who began to, and died."""
        if record.is_alive(await self._now()):
            return
        log.info("%s is put back in the place of %s", record.name, record.taken_by)
        [outcome] = await restore(self._cluster, [record], by=record.taken_by)
        if outcome.error is not None and not isinstance(outcome.error, Conflict):
            raise outcome.error


def _stays(record: Record, now: Any) -> bool:
    return record.is_alive(now) and not record.leaving and not record.taken_by


async def find_shared(cluster: Cluster, namespace: str, service: str) -> Record | None:
    """What the users of a Service share, alive or not; None: nothing.

    ``config["driver"]`` says how: joining it is the only way in. Raises: as `Cluster.find`.
    """
    found = await cluster.find(LEASE, shared_name(service), namespace)
    return record_of(found) if found else None
