"""All links of a tunnel: which one takes the next stream, and what they carried together."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from .lane import Lane

_LOAD: Final = attrgetter("link.outbox.blocked", "recent", "link.streams")
"""How busy a lane is. Asked of all of them for each connection, so it should cost little."""


class Lanes:
    """The lanes that take streams, those that only finish theirs, and the totals of the past."""

    def __init__(self) -> None:
        self.up: list[Lane] = []
        self._retired: list[Lane] = []
        self._sent = 0
        self._received = 0
        self._heard: float | None = None

    def __iter__(self) -> Iterator[Lane]:
        return iter([*self.up, *self._retired])

    def best(self) -> Lane | None:
        """The least busy of those that take streams."""
        return min(self.up, key=_LOAD, default=None)

    def retire(self, lane: Lane) -> None:
        """It gets no new streams, and is closed after its last one."""
        if lane in self.up:
            self.up.remove(lane)
            self._retired.append(lane)

    def drop(self, lane: Lane) -> None:
        """Close it; what it carried stays in the totals."""
        lane.link.close()
        for lanes in (self.up, self._retired):
            if lane in lanes:
                lanes.remove(lane)
                self._sent += lane.link.outbox.bytes_sent
                self._received += lane.link.bytes_received
                self._heard = lane.link.heard

    def drop_finished(self) -> None:
        """Close the retired ones that carry nothing any more."""
        for lane in [lane for lane in self._retired if not lane.link.streams]:
            self.drop(lane)

    @property
    def streams(self) -> int:
        """Streams and flows open now."""
        return sum(lane.link.streams for lane in self)

    @property
    def bytes_sent(self) -> int:
        """Since the start, with framing."""
        return self._sent + sum(lane.link.outbox.bytes_sent for lane in self)

    @property
    def bytes_received(self) -> int:
        """Since the start, with framing."""
        return self._received + sum(lane.link.bytes_received for lane in self)

    @property
    def rtt(self) -> float | None:
        """The shortest of their latest round trips, in seconds; None if none is known."""
        rtts = (lane.link.pings.rtt for lane in self)
        return min((rtt for rtt in rtts if rtt is not None), default=None)

    @property
    def heard(self) -> float | None:
        """When the peer was last heard of on any of them."""
        return max((lane.link.heard for lane in self), default=self._heard)
