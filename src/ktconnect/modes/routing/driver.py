"""How requests of a Service are told apart in a cluster: the part in which drivers differ."""

from typing import Protocol

from ktconnect.apply.change import Entry
from ktconnect.modes.report import Reporter
from ktconnect.objects.session import Manifest
from ktconnect.rules.model import Share
from ktconnect.tunnel.tunnel import Tunnel


class Driver(Protocol):
    """One Service's rules, as one session has them put in. Made for one session.

    Every method raises what `Cluster` raises, besides what it says, and may be called again after
    it failed. What is common to all sessions of the Service is computed from the shares that the
    cluster holds, never from what one process remembers.
    """

    name: str
    """What ``--mode`` calls it: ``router``, ``istio``, ``gateway``."""

    why: str
    """Why it is the one for this Service, for a person."""

    @property
    def journal(self) -> tuple[Entry, ...]:
        """What this session itself will change of others, with what is there now."""

    async def prepare(self, owner: Manifest) -> None:
        """Begin to make what must be there before requests can be told apart; ``owner`` is the
        session's Lease. Not waited for: it comes up beside the agent."""

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """Wait until all that is there and can be used.

        Raises: Refused with the reason, and nothing is switched then.
        """

    async def join(self, share: Share) -> None:
        """Put the share in; when it returns, new requests that match are led to its Service."""

    async def follow(self, reporter: Reporter) -> None:
        """Keep the rules as the shares want them against whoever changes them, until cancelled.

        Raises: WayLost if that can't be any more.
        """

    async def leave(self, share: Share) -> None:
        """Take the share out; when it returns, no new request is led to its Service. The last one
        out puts back what was there before, and takes away what only the rules needed."""

    @property
    def broken(self) -> str:
        """Why matching requests do not come, though they should; empty while they do."""
