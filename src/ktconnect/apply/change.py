"""One reversible step, as data, and the seam it goes through."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

Json = Any
System = Literal["kube", "host"]


@dataclass(frozen=True, slots=True)
class Change:
    """Set ``key`` in ``system`` to ``after``; None means absent.

    A key names a whole thing (``v1/Service/demo/web``, ``file/etc/hosts#block``) or one field
    of a thing that is not ours (``v1/Service/demo/web#/spec/selector``).
    """

    system: System
    key: str
    after: Json | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A change and what was there before it."""

    system: System
    key: str
    before: Json | None
    after: Json | None


class Backend(Protocol):
    """All that the engine needs to know of Kubernetes or of the laptop."""

    async def read(self, key: str) -> Json | None:
        """What ``key`` holds now, None if it is absent."""

    async def write(self, key: str, value: Json | None, *, expected: Json | None) -> None:
        """Set ``key`` in one step (None removes it).

        Raises: Conflict if it no longer holds ``expected``; nothing was written then.
        """


class Written(Protocol):
    """Where changes are written down before they are made (`journal.Journal`)."""

    def record(self, change: Change, before: Json | None) -> None:
        """Keep a step; only then may it be taken."""

    def entries(self) -> list[Entry]:
        """All steps, oldest first."""

    def drop(self) -> None:
        """Forget them: all is undone."""
