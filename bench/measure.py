"""What a measurement is: it takes one peer once, and gives values for some rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import rows
from bench.peers import Peer
from bench.site import Site

EVERYONE = (rows.OURS, rows.KUBECTL, rows.SSHUTTLE)
Values = Mapping[str, float]  # by the key of a row, without its delay


@dataclass(frozen=True)
class Field:
    """What every measurement gets. ``short`` asks for the least time that still says something."""

    site: Site
    folder: Path
    round_trip: float = 0.0  # ms, as measured on the line
    short: bool = False


@dataclass(frozen=True)
class Measure:
    """``take`` measures one peer once. With ``apart`` it starts and stops the peer itself."""

    name: str
    take: Callable[[Field, Peer], Values]
    delays: tuple[int, ...] = (0,)
    peers: tuple[str, ...] = EVERYONE
    rounds: int = 0  # 0 is as many as the run has
    apart: bool = False
