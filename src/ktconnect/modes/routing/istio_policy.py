"""A user's policy for a Service (DestinationRule), kept the same for a session's own."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ktconnect.errors import Conflict
from ktconnect.objects.agent import object_metadata
from ktconnect.objects.session import Manifest
from ktconnect.rules.istio import destination_rule, policy_for

from .driver import Seat

DESTINATION_RULE: Final = "networking.istio.io/v1/DestinationRule"


class Policy:
    """Of the session's Service ``name``. Raises: what `Cluster` raises."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._cluster = seat.cluster

    async def settle(self, name: str, *, wanted: bool = True) -> bool:
        """Have it as the user's is now, or take it away; whether something had to be changed."""
        found = await self._cluster.list(DESTINATION_RULE, self._seat.namespace)
        now = next((each for each in found if each["metadata"]["name"] == name), None)
        theirs = [each for each in found if each is not now]
        goal = self._goal(theirs, name) if wanted else None
        if (now is None and goal is None) or (now and goal and said_by(now, goal)):
            return False
        if now is not None:
            await self._delete(now)
        if goal is not None:
            await self._cluster.create(goal)
        return True

    def _goal(self, theirs: Sequence[Manifest], name: str) -> Manifest | None:
        spec = policy_for(theirs, self._seat.service, self._seat.namespace)
        if spec is None:
            return None
        lease = self._seat.lease
        metadata = object_metadata(lease.session, name, [lease.owner], inbound=True)
        return destination_rule(metadata, spec, name)

    async def _delete(self, found: Manifest) -> None:
        metadata = found["metadata"]
        with suppress(Conflict):  # another one has its place by now
            await self._cluster.delete(
                DESTINATION_RULE, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )


def said_by(found: Manifest, wanted: Manifest) -> bool:
    """Whether an object says all that is wanted; what others may have added is theirs."""
    return all(found["spec"].get(key) == value for key, value in wanted["spec"].items())
