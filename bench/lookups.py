"""DNS lookups a second, made by dnsperf."""

import itertools
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from bench import rows
from bench.errors import BenchError
from bench.measure import Field, Measure, Values
from bench.peers import LOCAL, Peer, Started, forward, wait_for_port

SECONDS = 2
_RATE = re.compile(r"Queries per second:\s+([\d.]+)")
_COMPLETED = re.compile(r"Queries completed:\s+(\d+) \(([\d.]+)%\)")


def measures() -> list[Measure]:
    return [
        Measure("dns@0", _taker("dns", different_names)),
        Measure("dns-same@0", _taker("dns-same", same_names)),
    ]


def different_names() -> list[str]:
    """Names of Pods by their address, others each time: CoreDNS knows all, and no cache helps."""
    first, addresses = secrets.randbelow(256), itertools.product(range(256), repeat=2)
    return [f"10-{first}-{high}-{low}.bench.pod.cluster.local A" for high, low in addresses]


def same_names() -> list[str]:
    return different_names()[:20]


def write_names(field: Field, key: str, names: list[str]) -> Path:
    """A file as dnsperf reads it."""
    file = Path(field.folder, f"{key}.names")
    file.write_text("\n".join(names) + "\n")
    return file


def rate(report: str) -> float:
    """Answers a second, of what dnsperf says. Raises: BenchError."""
    speed, completed = _RATE.search(report), _COMPLETED.search(report)
    if speed is None or completed is None or int(completed[1]) == 0:
        raise BenchError("no DNS answer came")
    return float(speed[1])


def _taker(key: str, names: Callable[[], list[str]]) -> Callable[[Field, Peer], Values]:
    def take(field: Field, peer: Peer) -> Values:
        file = write_names(field, key, names())
        if peer.name == rows.KUBECTL:
            return {key: _through_a_forward(field, peer, file)}
        return {key: _ask(field, peer, file)}

    return take


def _ask(field: Field, peer: Peer, names: Path) -> float:
    seconds = 1 if field.short else SECONDS
    load = ["-d", str(names), "-l", str(seconds), "-c", "4", "-q", "32", "-t", "2"]
    return rate(field.site.run(["dnsperf", *peer.dns_words(), *load]))


def _through_a_forward(field: Field, peer: Peer, names: Path) -> float:
    started = Started(field.site, field.folder / "kubectl-dns.log")
    try:
        started(*forward("service/kube-dns", 53, namespace="kube-system"))
        wait_for_port(field.site, LOCAL + 53)
        return _ask(field, peer, names)
    finally:
        started.stop()
