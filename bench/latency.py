"""Round trips on an open connection: idle, and while a download runs beside it."""

import subprocess
import time

from bench.errors import BenchError
from bench.figures import percentile
from bench.measure import Field, Measure, Values
from bench.peers import Peer, end
from bench.site import BULK, ECHO, probe_command

SECONDS = 1.5
PATIENCE = 20
UNDER_WAY = 0.7  # seconds until the download fills its window


def measures() -> list[Measure]:
    idle = [Measure(f"ping@{delay}", _idle, (delay,)) for delay in (0, 20)]
    return idle + [Measure(f"busy@{delay}", _busy, (delay,)) for delay in (0, 20)]


def _pings(field: Field, peer: Peer) -> list[float]:
    seconds = SECONDS / 2 if field.short else SECONDS
    words = peer.address_for(ECHO).words
    found: list[float] = field.site.probe("pingpong", *words, f"{seconds:g}")
    if not found:
        raise BenchError("no answer came back in time")
    return found


def _idle(field: Field, peer: Peer) -> Values:
    found = _pings(field, peer)
    return {"ping50": percentile(found, 0.5), "ping99": percentile(found, 0.99)}


def _busy(field: Field, peer: Peer) -> Values:
    """The download ends by itself: one that is broken off would end kubectl's port-forward."""
    words = [*peer.address_for(BULK).words, "down", "1", "0", f"{SECONDS + 2 * UNDER_WAY:g}"]
    download = field.site.start(probe_command("bulk", *words), stdout=subprocess.DEVNULL)
    try:
        time.sleep(UNDER_WAY)
        if download.poll() is not None:
            raise BenchError("the download did not start")
        found = _pings(field, peer)
        download.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        raise BenchError("the download did not end") from None
    finally:
        end(download)
    return {"busy50": percentile(found, 0.5), "busy99": percentile(found, 0.99)}
