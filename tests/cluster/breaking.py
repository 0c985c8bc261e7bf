"""Ways to break the way between laptop and agent, each mended at the end of its block."""

import contextlib
import signal
from collections.abc import Iterator

from playground import line, network
from playground.cluster import Playground
from playground.line import Line
from playground.plan import LAPTOP
from tests.cluster.processes import send

SILENCE = "table inet silence"


@contextlib.contextmanager
def cut(cluster: Playground) -> Iterator[None]:
    """Nothing passes between the laptop and anything else; no link goes down."""
    line.put(cluster, Line(cut=True))
    try:
        yield
    finally:
        line.put(cluster, Line())


@contextlib.contextmanager
def api_server_silent(cluster: Playground) -> Iterator[None]:
    """The laptop's packets to the API server vanish; those to the internet don't."""
    node = cluster.plan.namespace("node1")
    families = zip(("ip", "ip6"), LAPTOP, strict=True)
    drops = "\n".join(f"{family} saddr {address} drop" for family, address in families)
    chain = f"chain input {{\ntype filter hook input priority -10\n{drops}\n}}"
    network.load_rules(node, f"{SILENCE} {{\n{chain}\n}}")
    try:
        yield
    finally:
        network.load_rules(node, f"delete {SILENCE}")


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """These processes sleep (SIGSTOP), as those of a suspended laptop do."""
    send(signal.SIGSTOP, *pids)
    try:
        yield
    finally:
        send(signal.SIGCONT, *pids)
