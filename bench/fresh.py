"""New connections, each with one HTTP request, made by wrk.

Not by ab: it waits for the end of the connection after the answer, which `kubectl port-forward`
gives a second late. wrk's latency is from request to answer; the connect before it is answered
on the laptop itself by every peer.
"""

import re
from collections.abc import Callable

from bench.errors import BenchError
from bench.measure import Field, Measure, Values
from bench.peers import Peer
from bench.site import HTTP

SECONDS = 2
_REQUESTS = re.compile(r"(\d+) requests in")
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_SHARE = re.compile(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)\s*$", re.MULTILINE)
_ERRORS = re.compile(r"Socket errors: (.*)")
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def measures() -> list[Measure]:
    return [
        Measure("fresh1@0", _taker("fresh1", 1)),
        Measure("fresh16@0", _taker("fresh16", 16)),
        Measure("http@20", _trips, (20,)),
    ]


def rate(report: str) -> tuple[float, float]:
    """Answers a second, and errors in percent of all, of what wrk says. Raises: BenchError."""
    requests, speed = _REQUESTS.search(report), _RATE.search(report)
    if requests is None or speed is None or int(requests[1]) == 0:
        raise BenchError("wrk got no answer")
    errors = _ERRORS.search(report)
    failed = sum(map(int, re.findall(r"\d+", errors[1]))) if errors else 0
    return float(speed[1]), 100 * failed / (failed + int(requests[1]))


def percentiles(report: str) -> dict[int, float]:
    """Milliseconds by percentage, of what wrk says."""
    return {
        int(share): float(number) * _MILLISECONDS[unit]
        for share, number, unit in _SHARE.findall(report)
    }


def _wrk(field: Field, peer: Peer, at_once: int) -> str:
    address, seconds = peer.address_for(HTTP), 1 if field.short else SECONDS
    how = ["-t1", f"-c{at_once}", f"-d{seconds}s", "--latency", "-H", "Connection: close"]
    return field.site.run(["wrk", *how, f"http://{address.host}:{address.port}/"])


def _taker(key: str, at_once: int) -> Callable[[Field, Peer], Values]:
    def take(field: Field, peer: Peer) -> Values:
        report = _wrk(field, peer, at_once)
        (speed, failed), served = rate(report), percentiles(report)
        found = {key: speed, f"{key}-p50": served[50], f"{key}-p99": served[99]}
        return found | ({"fresh-errors": failed} if at_once > 1 else {})

    return take


def _trips(field: Field, peer: Peer) -> Values:
    report = _wrk(field, peer, 1)
    rate(report)  # that there were answers
    half = percentiles(report)[50]
    return {"http-ms": half, "http-trips": half / field.round_trip}
