"""All measurements in the order in which they are taken. Pure."""

from collections.abc import Iterator

from bench import (
    cost,
    crowd,
    fresh,
    latency,
    lookups,
    mirroring,
    rules,
    sharing,
    startup,
    throughput,
    users,
)
from bench.measure import Measure
from bench.rows import DELAYS


def measures(only: str = "") -> list[tuple[int, list[Measure]]]:
    """By delay; those that start and stop the peers themselves come first.

    ``only`` is the beginning of names such as ``down1`` or ``ping@20``.
    """
    every = [measure for measure in _all() if measure.name.startswith(only)]
    found = [(delay, [m for m in every if delay in m.delays]) for delay in DELAYS]
    return [(delay, wanted) for delay, wanted in found if wanted]


def _all() -> Iterator[Measure]:
    """Memory is looked at before anything has moved, the crowd comes last."""
    for room in (
        startup,
        rules,
        sharing,
        users,
        mirroring,
        cost,
        throughput,
        latency,
        fresh,
        lookups,
        crowd,
    ):
        yield from room.measures()
