"""What a mode tells about itself while it runs; the command line decides how it looks."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ktconnect.traffic.compare import Difference

Health = Literal["connecting", "up", "stalled", "down"]


@dataclass(frozen=True, slots=True)
class Calls:
    """Callers of a Service that leads to this machine, counted since the session began."""

    open: int = 0
    total: int = 0  # answered by this machine, those that are open among them
    refused: int = 0  # turned away by this machine; the origin has them, if there is one
    to_origin: int = 0  # answered by the origin, as far as the agent has told
    failed: int = 0  # answered by nobody
    older: int = 0  # connections of the time before, which stay with the Pods


@dataclass(frozen=True, slots=True)
class CallEnded:
    """One call, when it is over."""

    session: str
    service: str  # "shop/web"
    port: int  # of the Service
    protocol: str
    caller: str  # "10.244.1.7:41234"
    target: str  # "127.0.0.1:8080"
    seconds: float
    received: int  # bytes from the caller; of TCP only
    sent: int  # bytes to the caller; of TCP only
    ended: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One request that two have answered; without ``differences`` they did so alike."""

    service: str  # "shop/web"; of a replay, the file
    id: str  # X-Request-Id
    request: str  # "GET /cart?x=1"
    origin: str  # "200 OK", or why there is no answer
    laptop: str
    answered: bool  # by the laptop
    seconds: float  # that the laptop took
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What came of all comparisons of a session, or of a replay."""

    service: str
    compared: int
    differing: int
    failed: int  # not answered by the laptop
    unpaired: int = 0  # only one of the two answers was seen
    diff: bool = True  # whether answers were compared at all; False: they were but sent for


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a session, computed from probes through the data path.

    ``target`` tells the sessions of one process apart: the Service that leads to this machine.
    ``silent``: where on this machine calls should be taken, and no program does.
    """

    health: Health
    reason: str = ""
    round_trip: float | None = None  # seconds
    pipes: int = 0
    streams: int = 0
    received: int = 0  # bytes
    sent: int = 0  # bytes
    reconnections: int = 0
    session: str = ""
    target: str = ""
    calls: Calls | None = None
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """A session that works: what a person or a program wants to know of it.

    ``banner`` is what KT Connect says at this moment, for those who wait for it.
    """

    mode: str
    namespace: str
    session: str
    seconds: float
    facts: dict[str, str | list[str]]
    advice: tuple[str, ...] = ()
    banner: str = ""
    ending: str = "Stop with Ctrl-C."


class Step(Protocol):
    """A step under way."""

    def says(self, result: str) -> None:
        """What came out of it; shown when the step is done."""

    def warns(self, result: str) -> None:
        """The same where it is not as it should be."""


class Reporter(Protocol):
    """Where a mode's words go."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show that ``title`` is under way, and how long it took, or that it failed."""

    def note(self, message: str, *, settles: str = "") -> None:
        """Something worth knowing, nothing to worry about. ``settles``: the warning, word by word,
        that holds no longer."""

    def warn(self, message: str, hint: str = "") -> None:
        """Something that works less well than it could."""

    def ready(self, *ready: Ready) -> None:
        """The sessions of this command work: all of them."""

    def status(self, status: Status) -> None:
        """A session's state, again and again."""

    def call(self, call: CallEnded) -> None:
        """A call came to its end."""

    def compared(self, compared: Compared) -> None:
        """Two answers to one request were compared."""

    def totals(self, totals: Totals) -> None:
        """All have been."""

    def would_create(self, manifest: dict[str, Any]) -> None:
        """An object that a dry run did not create."""

    def would_change(self, key: str, before: Any, after: Any) -> None:
        """Something that a dry run did not change; None is absent."""
