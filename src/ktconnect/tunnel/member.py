"""Whom a link works for: what its stream numbers lead to, and who owns it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from ktconnect.wire.hello import AgentFacts

if TYPE_CHECKING:
    from .link import Link


class Side(Enum):
    """Who ended a stream or a flow."""

    BOTH = "both"
    """In order: each direction by its own EOF."""
    HERE = "here"
    THERE = "there"
    LINK = "link"
    """The link was lost, or closed."""


@dataclass(frozen=True, slots=True)
class End:
    """How a stream or a flow ended. ``errno`` as Linux numbers them; 0 if there was no error."""

    side: Side
    errno: int = 0


ORDERLY: Final = End(Side.BOTH)

OnEnd = Callable[[End], object]


class Member(Protocol):
    """A stream or a flow of datagrams."""

    def data(self, payload: memoryview) -> None:
        """Bytes of the peer. Raises: ProtocolError."""

    def datagram(self, payload: memoryview) -> None:
        """One message of the peer. Raises: ProtocolError."""

    def eof(self) -> None:
        """The peer sends no more data. Raises: ProtocolError."""

    def granted(self, credit: int) -> None:
        """The peer takes that many more bytes. Raises: ProtocolError."""

    def opened(self) -> None:
        """The target of a stream that we opened has accepted. Raises: ProtocolError."""

    def reset(self, errno: int) -> None:
        """The peer, or the end of the link, ended it; nothing follows."""


class LinkEvents(Protocol):
    """Who hears of a link."""

    def greeted(self, link: "Link", facts: AgentFacts | None) -> None:
        """The hello went well; streams may be opened."""

    def closed(self, link: "Link", error: Exception | str) -> None:
        """The link is over, its streams are reset. Once; not after our own ``close``."""
