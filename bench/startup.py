"""From starting a peer to the first byte through it. Its images are there already."""

import time

from bench.measure import Field, Measure, Values
from bench.peers import Peer, reach
from bench.site import HTTP


def measures() -> list[Measure]:
    return [Measure("start@0", _start, apart=True)]


def _start(field: Field, peer: Peer) -> Values:
    began = time.monotonic()
    peer.start()
    try:
        return {"start": reach(field.site, peer, HTTP) - began}
    finally:
        peer.stop()
