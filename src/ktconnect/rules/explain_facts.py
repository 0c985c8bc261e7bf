"""What was found around a Service, and what comes out of it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from .model import Share
from .plan import App
from .request import Request

Manifest = Mapping[str, Any]
Mesh = Literal["", "istio", "ambient", "linkerd", "kuma"]

ROUTER: Final = "router"
EXCHANGE: Final = "shadow-exchange"
MESH: Final = "shadow-mesh"
MIRROR: Final = "shadow-mirror"
PREVIEW: Final = "shadow-preview"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a Service; ``app``: what is spoken there, ``pod``: where it leads in its Pods.

    ``beside``: the numbers of other ports that lead to the same; there they can't be told apart.
    """

    number: int
    name: str = ""
    app: App = "unknown"
    pod: int = 0
    beside: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.number} ({self.name})" if self.name else str(self.number)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Pod behind a Service. ``role`` and ``agent`` are labels of ours, "" on others' Pods.

    ``passes``: the ports (``tcp`` or ``udp``, and the number) of an agent whose callers it never
    takes to its laptop. ``old``: it is of KT Connect 0.3.
    """

    pod: str
    ready: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    agent: str = ""
    passes: frozenset[tuple[str, int]] = frozenset()
    old: bool = False

    def takes(self, port: Port) -> bool:
        """Whether it takes callers of a port to its laptop."""
        return ("udp" if port.app == "udp" else "tcp", port.pod) not in self.passes


@dataclass(frozen=True, slots=True)
class Laptop:
    """A session: who, and whether its laptop is alive; ``heard``: how long ago it was last.

    ``late``: longer than it should be. A laptop counts as dead only when its Lease has run out,
    but its agent passes callers on within seconds.
    """

    session: str
    mode: str
    user: str
    alive: bool
    heard: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A Service and the Pods behind it.

    ``share``: what its session takes of the requests of the Service ``of``, if it is a session's.
    """

    name: str
    namespace: str
    endpoints: tuple[Endpoint, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    kind: str = "ClusterIP"
    headless: bool = False
    share: Share | None = None
    of: str = ""

    @property
    def ready(self) -> tuple[Endpoint, ...]:
        """Those to whom callers are led."""
        return tuple(each for each in self.endpoints if each.ready)

    @property
    def role(self) -> str:
        """The part that its Pods have, if all have the same; "" for the user's own."""
        roles = {each.role for each in self.ready or self.endpoints}
        return roles.pop() if len(roles) == 1 else ""

    def __str__(self) -> str:
        return f"Service {self.name}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: ``text`` for a person; what stands beside it decides whose rules are heard."""

    text: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    mesh: Mesh = ""


@dataclass(frozen=True, slots=True)
class Others:
    """Rules that are in the cluster for this host, whoever wrote them."""

    virtual_services: tuple[Manifest, ...] = ()
    destination_rules: tuple[Manifest, ...] = ()
    http_routes: tuple[Manifest, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known. ``places``: the Services of the namespace by name.

    ``laptops``: sessions by the name of their agent. ``origin``: the name of the Service that
    leads to the Pods that there were before us. ``known``: the sessions' Services of which the
    router's configuration speaks; None if it could not be read. ``waypoint``: of the Service, in
    an ambient mesh. ``unseen``: what could not be looked at, in sentences; ``sessions_seen``:
    whether sessions could be.
    """

    service: Place
    port: Port
    caller: Caller
    places: Mapping[str, Place] = field(default_factory=dict)
    laptops: Mapping[str, Laptop] = field(default_factory=dict)
    origin: str = ""
    known: frozenset[str] | None = None
    waypoint: str = ""
    others: Others = Others()
    unseen: tuple[str, ...] = ()
    sessions_seen: bool = True

    @property
    def shares(self) -> tuple[Share, ...]:
        """What sessions take of this Service's requests, by whatever port."""
        return tuple(
            each.share
            for each in self.places.values()
            if each.share is not None and each.of == self.service.name
        )


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on the way. ``fine`` is False where something stands in it, or is missing."""

    at: str
    says: str
    why: tuple[str, ...] = ()
    fine: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers. ``by`` is ``rule`` where a rule does so itself (a redirect, a fault).

    ``heard``: how long ago a laptop was heard last, ``late`` if that is longer than it should be;
    ``otherwise``: who answers if it is away, which its agent knows first, "" for nobody.
    """

    by: Literal["laptop", "origin", "rule", "nobody", "unknown"]
    who: str
    pods: tuple[str, ...] = ()
    user: str = ""
    mark: str = ""
    session: str = ""
    heard: str = ""
    late: bool = False
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """Who gets a copy, and of how many of such requests (percent)."""

    user: str
    session: str
    percent: float
    alive: bool
    to: str = ""


class Walk:
    """A request on its way: what has been said of it so far."""

    def __init__(self, request: Request, facts: Facts) -> None:
        self.request = request
        self.facts = facts
        self.hops: list[Hop] = []
        self.copies: list[Copy] = []
        self.heard = False
        """Whether rules of a mesh were spoken of: that they decide, or that nobody hears them."""
        self.served_by = ""
        """What the answer's header ``x-kt-served-by`` says; "" where nobody sets it."""

    def say(self, at: str, says: str, *why: str, fine: bool = True) -> None:
        """One more hop."""
        self.hops.append(Hop(at, says, why, fine))
