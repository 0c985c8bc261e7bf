"""How requests of a Service are told apart in a cluster: the part in which drivers differ."""

from dataclasses import dataclass
from typing import Protocol

from ktconnect.apply.change import Entry
from ktconnect.kube.client import Cluster
from ktconnect.modes.report import Reporter
from ktconnect.rules.model import Share
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.shared import SharedLease


@dataclass(frozen=True, slots=True)
class Seat:
    """One session's seat among those that share a Service: what a driver is made for.

    ``lease`` is the session's own, ``shared`` the one that all have in common; it has been joined
    before the driver is asked to prepare anything.
    """

    cluster: Cluster
    namespace: str
    service: str
    lease: SessionLease
    shared: SharedLease

    @property
    def where(self) -> str:
        """``shop/web``, for people."""
        return f"{self.namespace}/{self.service}"


class Driver(Protocol):
    """One Service's rules, as one session has them put in. Made for one session.

    Every method raises what `Cluster` raises, besides what it says, and may be called again after
    it failed. What is common to all sessions of the Service is computed from the shares that the
    cluster holds, never from what one process remembers.

    The order: ``prepare``, ``check``, ``join``, then ``follow`` until the end; ``leave`` and, for
    the last one out, ``dissolve``, whatever of all that was reached, also twice.
    """

    name: str
    """What ``--mode`` calls it: ``router``, ``istio``, ``gateway``."""

    why: str
    """Why it is the one for this Service, for a person."""

    broken: str
    """Why matching requests do not come, though they should; empty while they do."""

    @property
    def journal(self) -> tuple[Entry, ...]:
        """What this session itself will change of others, with what is there now."""

    async def shared_journal(self) -> tuple[Entry, ...]:
        """What all sessions of the Service together change of others, with what is there now: for
        whoever comes first, and makes the shared Lease with it."""

    async def prepare(self, share: Share) -> None:
        """Begin to make what must be there before requests can be told apart. Not waited for: it
        comes up beside the agent."""

    async def rehearse(self, share: Share) -> None:
        """On a cluster to which nothing is written: what ``join`` would write besides."""

    async def check(self, reporter: Reporter) -> None:
        """Wait until all that is there and can be used.

        Raises: Refused with the reason, and nothing is switched then.
        """

    async def join(self, share: Share) -> None:
        """Put the share in; when it returns, new requests that match are led to its Service."""

    async def follow(self, reporter: Reporter) -> None:
        """Keep the rules as the shares want them against whoever changes them, until cancelled;
        that is done before ``leave``.

        Raises: WayLost if that can't be any more.
        """

    async def leave(self, share: Share) -> None:
        """Take the share out; when it returns, no new request is led to its Service."""

    async def dissolve(self) -> None:
        """Take away what only the rules needed: nobody shares the Service any more, and what the
        shared Lease's journal says has been put back."""
