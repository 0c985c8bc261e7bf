"""One run: the peers are up side by side, and each measurement goes round them in turn."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from playground.plan import API_PORT

from bench.errors import BenchError
from bench.figures import Figure
from bench.measure import Field, Measure
from bench.peers import Peer, reach
from bench.site import HTTP, Site

Results = dict[str, dict[str, Figure]]  # by row, by peer
Tell = Callable[[str], None]


class Run:
    """Collects figures. ``tell`` is called before each taking of a measurement."""

    def __init__(self, field: Field, peers: Sequence[Peer], rounds: int, tell: Tell) -> None:
        self.field, self.peers, self.rounds, self.tell = field, peers, rounds, tell
        self.results: Results = defaultdict(lambda: defaultdict(Figure))
        self.round_trips: dict[int, float] = {}  # ms, by the delay asked for
        self.restarts: dict[str, int] = dict.fromkeys((peer.name for peer in peers), 0)

    def at(self, delay: int, measures: Sequence[Measure]) -> None:
        """Take measurements with this round trip between laptop and cluster, in ms."""
        self.field.site.set_delay(delay)
        self.round_trips[delay] = round_trip(self.field.site)
        self.field = replace(self.field, round_trip=self.round_trips[delay])
        for measure in measures:
            if measure.apart:
                self._go_round(measure, self.peers)
        if together := [measure for measure in measures if not measure.apart]:
            with self._all_up() as working:
                for measure in together:
                    self._go_round(measure, working)

    @contextmanager
    def _all_up(self) -> Iterator[list[Peer]]:
        """Those peers that could be started."""
        working = []
        try:
            for peer in self.peers:
                self.tell(f"start {peer.name}")
                if self._comes_up(peer):
                    working.append(peer)
            yield working
        finally:
            for peer in reversed(self.peers):
                peer.stop()

    def _comes_up(self, peer: Peer) -> bool:
        try:
            peer.start()
            reach(self.field.site, peer, HTTP)
        except BenchError as error:
            self.results["start@0"][peer.name].problem = str(error)
            peer.stop()
            return False
        return True

    def _revive(self, peer: Peer) -> None:
        """Start a peer again that ended by itself. Raises: BenchError."""
        if peer.has_ended():
            self.restarts[peer.name] += 1
            peer.stop()
            peer.start()
            reach(self.field.site, peer, HTTP)

    def _go_round(self, measure: Measure, peers: Sequence[Peer]) -> None:
        for number in range(1, (measure.rounds or self.rounds) + 1):
            for peer in peers:
                if peer.name in measure.peers:
                    self.tell(f"{measure.name}, {peer.name}, round {number}")
                    self._take(measure, peer)

    def _take(self, measure: Measure, peer: Peer) -> None:
        delay = measure.delays[0]
        try:
            if not measure.apart:
                self._revive(peer)
            found = measure.take(self.field, peer)
        except BenchError as error:
            self.results[f"{measure.name}"][peer.name].problem = str(error)
            return
        for key, value in found.items():
            self.results[f"{key}@{delay}"][peer.name].values.append(value)


def takings(measures: Sequence[Measure], peers: Sequence[Peer], rounds: int) -> int:
    """How often ``tell`` will be called, at one delay."""
    shared = any(not measure.apart for measure in measures)
    each = (
        (measure.rounds or rounds) * sum(peer.name in measure.peers for peer in peers)
        for measure in measures
    )
    return sum(each) + (len(peers) if shared else 0)


def round_trip(site: Site) -> float:
    """Milliseconds there and back between laptop and API server: the median of ten connects."""
    address = site.playground.plan.nodes[0].addresses[0]
    times: list[float] = site.probe("connecting", address, str(API_PORT), "12")
    return statistics.median(times[2:])
