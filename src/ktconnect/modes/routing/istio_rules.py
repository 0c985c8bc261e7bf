"""What Istio is told about one Service, made as it should be: computed from what is there.

It may be run by all who share the Service at once, and be stopped anywhere. Where the user has a
VirtualService for the Service, each session puts rules of its own among the user's; where there is
none, all sessions together have one, and anybody writes all of it. Every write is compare-and-swap,
and what is to be written is read *before* the shares are listed, so that no late writer can lose
what a faster one has put in.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ktconnect.errors import Conflict, Forbidden
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import VIRTUAL_SERVICE
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.agent import object_metadata
from ktconnect.objects.origin import fitted
from ktconnect.objects.session import Manifest
from ktconnect.rules.istio import Rules, may_be_http, virtual_service
from ktconnect.rules.istio_hosts import authority, governing, other_hosts, through_gateways
from ktconnect.rules.model import Share
from ktconnect.sessions.shared_names import shared_session

from .driver import Seat
from .istio_policy import Policy, said_by
from .istio_theirs import Put, Theirs, Wish, check_room, notes
from .shares import Shares, with_own

log = logging.getLogger(__name__)

SUFFIX: Final = "-kt-mesh"
TRIES: Final = 10


class IstioRules:
    """The rules of one Service, as one session has them. Raises: what `Cluster` raises, and
    UsageError where the user's own rules leave no room."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._cluster = seat.cluster
        self._shares = Shares(seat)
        self._theirs = Theirs(seat)
        self._policy = Policy(seat)
        self.is_served = True
        """Whether the session's agent was there, when the rules were looked at last."""
        self.own_name = fitted(seat.service, SUFFIX)
        """Of the VirtualService that all sessions have together."""

    async def check(self, share: Share) -> list[str]:
        """What is worth knowing before it is put in.

        Raises: UsageError where Istio can't be told of it, beside the user's own rules.
        """
        found = await self._all()
        theirs = self._governing(found)
        if theirs is not None:
            check_room(theirs, share, self._seat)
        rules = await self._rules(theirs)
        rules.check(share)
        gateways = through_gateways(found, self._seat.service, self._seat.namespace)
        return notes(theirs, rules, gateways)

    async def settle(
        self, mine: Share | None, *, taking: bool, sure: bool = False, written_down: bool = True
    ) -> bool:
        """Have all rules as the shares want them; whether anything had to be changed.

        ``mine``: the session's own share; its rules are among the user's own if ``taking``, and
        not otherwise. No rule leads to an agent that is not there (a proxy would answer 503), but
        to that of ``mine`` if it is ``sure`` to be. ``written_down``: on the session's Lease
        before, as it must be where anything is really changed.

        Raises: Conflict if somebody keeps changing them.
        """
        put = self._theirs.put if written_down else self._theirs.put_alone
        for _ in range(TRIES):
            with suppress(Conflict, NotFound):
                served = mine if sure else None
                return await self._settle(mine, put, taking=taking, sure=served)
        raise Conflict(
            f"the rules for {self._seat.where} keep changing under our feet", hint="try again"
        )

    async def dissolve(self) -> None:
        """Take away the VirtualService that the sessions had together."""
        found = await self._cluster.find(VIRTUAL_SERVICE, self.own_name, self._seat.namespace)
        if found is not None and self._is_shared(found):
            await self._delete(found)

    async def _all(self) -> list[Manifest]:
        """The VirtualServices of all namespaces, as far as the user may look: some are heard
        here that stand elsewhere."""
        try:
            return await self._cluster.list(VIRTUAL_SERVICE)
        except Forbidden:
            return await self._cluster.list(VIRTUAL_SERVICE, self._seat.namespace)

    async def _settle(
        self, mine: Share | None, put: Put, *, taking: bool, sure: Share | None
    ) -> bool:
        found = await self._cluster.list(VIRTUAL_SERVICE, self._seat.namespace)
        shares = with_own(await self._shares.listed(), mine if taking else None)
        shares = await self._served(shares, mine, sure)
        theirs = self._governing(found)
        own = next((each for each in found if self._is_own(each)), None)
        changed = False
        if mine is not None:
            if theirs is not None and taking:
                check_room(theirs, mine, self._seat)
            users = [each for each in found if each is not own]
            wish = await self._wish(theirs if taking else None, mine, shares)
            changed = await put(users, wish)
            changed = await self._policy.settle(mine.service, wanted=taking) or changed
        if theirs is None:
            return await self._together(own, shares) or changed
        if own is not None:
            await self._delete(own)
        return changed or own is not None

    async def _served(
        self, shares: Sequence[Share], mine: Share | None, sure: Share | None
    ) -> tuple[Share, ...]:
        """Those whose agents are there."""
        known = {*await self._shares.served(), sure.service if sure else ""}
        self.is_served = mine is None or mine.service in known
        return tuple(share for share in shares if share.service in known)

    async def _wish(self, theirs: Manifest | None, mine: Share, shares: Sequence[Share]) -> Wish:
        rules = await self._rules(theirs)
        return Wish(theirs, rules.taking(shares), rules.names(mine))

    async def _together(self, own: Manifest | None, shares: Sequence[Share]) -> bool:
        """All shares in the one that is ours. What an earlier Lease has left is made anew."""
        wanted = virtual_service(self._metadata(), await self._rules(None), shares)
        if own is not None and not self._is_shared(own):
            log.info("VirtualService %s is of an earlier session, and made anew", self.own_name)
            await self._delete(own)
            own = None
        if own is None:
            await self._cluster.create(wanted)
        elif not said_by(own, wanted):
            await self._cluster.replace({**wanted, "metadata": own["metadata"]})
        else:
            return False
        return True

    def _metadata(self) -> Manifest:
        seat = self._seat
        session = shared_session(seat.service, seat.namespace)
        return object_metadata(session, self.own_name, [seat.shared.owner], inbound=True)

    async def _rules(self, theirs: Manifest | None) -> Rules:
        """What all rules have in common, in the user's VirtualService or in our own."""
        name, namespace = self._seat.service, self._seat.namespace
        spec = (await self._cluster.get(SERVICE, name, namespace))["spec"]
        ports = tuple(int(port["port"]) for port in spec.get("ports") or () if may_be_http(port))
        several = theirs is not None and other_hosts(theirs, name, namespace)
        said = authority(name, namespace, str(spec.get("clusterIP") or "")) if several else ""
        return Rules(name, ports, single=len(ports) == 1, authority=said)

    def _governing(self, found: Sequence[Manifest]) -> Manifest | None:
        others = [each for each in found if not self._is_own(each)]
        return governing(others, self._seat.service, self._seat.namespace)

    def _is_own(self, each: Manifest) -> bool:
        metadata = each["metadata"]
        here = (metadata["namespace"], metadata["name"])
        owners = metadata.get("ownerReferences") or ()
        return here == (self._seat.namespace, self.own_name) and any(
            owner["kind"] == "Lease" for owner in owners
        )

    def _is_shared(self, own: Manifest) -> bool:
        uid = self._seat.shared.uid
        return any(each["uid"] == uid for each in own["metadata"].get("ownerReferences") or ())

    async def _delete(self, own: Manifest) -> None:
        metadata = own["metadata"]
        with suppress(Conflict):  # another one has its place by now
            await self._cluster.delete(
                VIRTUAL_SERVICE, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )
