"""What the DNS server has done so far."""

from collections import deque
from dataclasses import dataclass, field

_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class DnsStatistics:
    """Counts since the start; latencies in seconds over the last answers that had to be asked for.

    local: answered from here (cache, overrides, malformed); shared: waited for the same question
    of someone else; failed: answered SERVFAIL; dropped: too many at once.
    """

    queries: int
    local: int
    shared: int
    cluster: int
    upstream: int
    failed: int
    dropped: int
    in_flight: int
    latency_p50: float
    latency_p99: float


@dataclass(slots=True)
class Counters:
    """The same while counting."""

    queries: int = 0
    local: int = 0
    shared: int = 0
    cluster: int = 0
    upstream: int = 0
    failed: int = 0
    dropped: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def frozen(self, in_flight: int) -> DnsStatistics:
        latencies = sorted(self.latencies) or [0.0]
        return DnsStatistics(
            self.queries,
            self.local,
            self.shared,
            self.cluster,
            self.upstream,
            self.failed,
            self.dropped,
            in_flight,
            latency_p50=latencies[len(latencies) // 2],
            latency_p99=latencies[len(latencies) * 99 // 100],
        )
