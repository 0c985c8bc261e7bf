"""What a mode tells about itself while it runs; the command line decides how it looks."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

Health = Literal["connecting", "up", "stalled", "down"]


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a session, computed from probes through the data path."""

    health: Health
    reason: str = ""
    round_trip: float | None = None  # seconds
    pipes: int = 0
    streams: int = 0
    received: int = 0  # bytes
    sent: int = 0  # bytes
    reconnections: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """A session that works: what a person or a program wants to know of it."""

    mode: str
    namespace: str
    session: str
    seconds: float
    facts: dict[str, str | list[str]]
    advice: tuple[str, ...] = ()


class Step(Protocol):
    """A step under way."""

    def says(self, result: str) -> None:
        """What came out of it; shown when the step is done."""


class Reporter(Protocol):
    """Where a mode's words go."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show that ``title`` is under way, and how long it took, or that it failed."""

    def note(self, message: str) -> None:
        """Something worth knowing, nothing to worry about."""

    def warn(self, message: str, hint: str = "") -> None:
        """Something that works less well than it could."""

    def ready(self, ready: Ready) -> None:
        """The session works."""

    def status(self, status: Status) -> None:
        """The session's state, again and again."""
