"""How callers of a Service come to an agent, and go back: the part in which modes differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ktconnect.apply.change import Entry
from ktconnect.errors import KtError
from ktconnect.modes.report import Reporter
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import Manifest, Session
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.target import Target

from .programs import Programs

Origins = Mapping[PortMap, str]
"""Where callers of a port go without a laptop, as ``host:port``; a port that is not in it: nowhere.
"""


class WayLost(KtError):
    """Callers can't be led to the agent any more, and that won't change while the session lasts."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class InboundPlan:
    """One session that callers come to, resolved and checked: nothing of it has been made yet.

    ``session`` is announced on the Lease, ``agent`` names the agent's objects. ``service`` is the
    name of the Service whose callers come; ``ports`` are all its ports, those that come to the
    laptop with a target. ``shared`` is the name of a Lease that it has in common with others
    (`sessions.shared`). ``instead``: where calls go in place of their target, if something of ours
    reads along on the way there. ``alone``: without this machine the agent has nobody to pass
    callers on to, while other Pods of the Service answer; so it leaves the endpoints then.
    ``at_once``: Services lead to it by labels that others have, too, as soon as its Pod is ready.
    ``programs``: what is known of those here, by the calls that they took, or did not.
    """

    mode: str
    session: Session
    agent: Session
    service: str
    ports: tuple[PortMap, ...]
    shared: str = ""
    alone: bool = False
    at_once: bool = False
    instead: Mapping[Target, Target] = field(default_factory=dict)
    programs: Programs = field(default_factory=Programs, compare=False, repr=False)

    @property
    def namespace(self) -> str:
        return self.session.namespace

    @property
    def where(self) -> str:
        """``shop/web``: how the session is called in front of people."""
        return f"{self.namespace}/{self.service}"

    @property
    def exposed(self) -> tuple[PortMap, ...]:
        """The ports that come to the laptop."""
        return tuple(port for port in self.ports if port.target is not None)

    @property
    def targets(self) -> dict[tuple[str, int], Target]:
        """Where on the laptop's side calls go, by protocol and Pod port."""
        return {
            port.listen: self.instead.get(port.target, port.target)
            for port in self.ports
            if port.target is not None
        }


@runtime_checkable
class CountsOlder(Protocol):
    """A way whose Pods may still have callers of the time before."""

    @property
    def older(self) -> int:
        """Connections that are older than the switch and still open, as far as it is known."""

    @property
    def older_told(self) -> str:
        """The same for a person, and what becomes of them."""


class Way(Protocol):
    """One session's way. Every method raises what `Cluster` raises, besides what it says.

    The order: ``journal`` is put on the Lease; ``prepare``; the agent starts, a tunnel opens to
    it; ``check``; ``switch``; then ``follow`` until the end. ``give_back`` and ``remove`` are
    called at the end, whatever of all that was reached, also twice.
    """

    banner: str
    """What KT Connect says once callers come to the laptop."""

    yields: bool
    """Whether callers can be led back for a while, when the agent itself is lost: by ``give_back``
    and ``switch`` again. False where that takes long, or leads nowhere."""

    patience: float
    """Seconds that ``give_back`` may take."""

    advice: tuple[str, ...]
    """What is worth knowing once callers come to the laptop, in lines for a person."""

    @property
    def broken(self) -> str:
        """Why callers do not come to the agent, though they should; empty while they do."""

    @property
    def journal(self) -> tuple[Entry, ...]:
        """What will be changed of others, with what is there now."""

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What the agent's Pod is to be found by, besides the labels of its session."""

    async def prepare(self, owner: Manifest) -> Origins:
        """Make what must be there before the agent, owned by the Lease."""

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """Look through the agent whether its callers will be answered without a laptop, too.

        Raises: Refused, and nothing is switched then.
        """

    async def switch(self) -> None:
        """Lead callers to the agent."""

    async def service(self) -> Manifest | None:
        """The Service that callers use, as it is now, for the self-test; None: there is none."""

    async def follow(self, reporter: Reporter) -> None:
        """Keep callers led to the agent against whoever changes it, until cancelled.

        Raises: WayLost.
        """

    async def give_back(self) -> None:
        """Lead callers to whom they went before; what someone else has changed is left alone.

        When it returns, no new caller is led to the agent any more, but for those whom the nodes
        have not been told about yet.
        """

    async def remove(self) -> None:
        """Delete what ``prepare`` made, and nothing that is another session's."""
