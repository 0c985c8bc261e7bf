"""What a tunnel says about itself."""

from dataclasses import dataclass
from enum import StrEnum


class TunnelState(StrEnum):
    """Where a tunnel stands."""

    CONNECTING = "connecting"
    """No pipe was ever up."""
    UP = "up"
    """At least one pipe is up and answers."""
    STALLED = "stalled"
    """Pipes are open, but none has answered for seconds."""
    DOWN = "down"
    """All pipes were lost; new ones are being tried for."""


@dataclass(frozen=True, slots=True)
class TunnelStatistics:
    """A snapshot."""

    state: TunnelState
    reason: str
    """Why it is not up; empty when it is."""
    pipes: int
    """Pipes that are up."""
    streams: int
    """Streams and flows open now."""
    bytes_up: int
    """Bytes sent to the agent since the start, with framing."""
    bytes_down: int
    reconnections: int
    """Pipes that were lost and replaced."""
    rtt: float | None
    """Shortest recent round trip to the agent in seconds."""
    probe_age: float | None
    """Seconds since the agent was last heard of; None if never."""
