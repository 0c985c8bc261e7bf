"""Bulk throughput, and the CPU time that it costs."""

from collections.abc import Callable

from bench import cost, processes
from bench.measure import Field, Measure, Values
from bench.peers import Peer
from bench.site import BULK

SECONDS = 2.0
WARM_UP = 0.3  # seconds that don't count
WARM_UP_FAR = 1.0  # where a window has to grow first


def measures() -> list[Measure]:
    ways = [("down1", 1), ("up1", 1), ("down8", 8), ("up8", 8)]
    return [
        Measure(f"{key}@{delay}", _taker(key, streams), (delay,))
        for delay in (0, 20)
        for key, streams in ways
    ]


def _taker(key: str, streams: int) -> Callable[[Field, Peer], Values]:
    way = key.rstrip("18")

    def take(field: Field, peer: Peer) -> Values:
        far = field.round_trip > 1
        seconds = SECONDS / 2 if field.short else SECONDS
        times = [f"{WARM_UP_FAR if far else WARM_UP:g}", f"{seconds:g}"]
        before = processes.everything()
        words = [*peer.address_for(BULK).words, way, str(streams), *times]
        size = field.site.probe("bulk", *words)
        after = processes.everything()
        speed = {key: size * 8 / seconds / 1e9}
        if streams > 1 or far:
            return speed
        whole = size / seconds * (seconds + WARM_UP)
        spent = cost.by_place(field.site, peer, before, after)
        return speed | {f"cpu-{way}-{where}": s / whole * 1e9 for where, s in spent.items()}

    return take
