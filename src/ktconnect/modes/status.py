"""What a session shows of itself, from the tunnel's own probes. Pure."""

from ktconnect.tunnel.status import TunnelStatistics

from .report import Status


def status_of(statistics: TunnelStatistics) -> Status:
    """The line that a person reads, as data."""
    return Status(
        health=statistics.state.value,
        reason=statistics.reason,
        round_trip=statistics.rtt,
        pipes=statistics.pipes,
        streams=statistics.streams,
        received=statistics.bytes_down,
        sent=statistics.bytes_up,
        reconnections=statistics.reconnections,
    )
