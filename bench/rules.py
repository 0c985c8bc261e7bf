"""How long it takes to say to a router who gets which requests, for a thousand users at once."""

import time

from bench import rows
from bench.measure import Field, Measure, Values
from bench.peers import Peer
from ktconnect.rules.envoy import router_files
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Share
from ktconnect.rules.plan import RoutedPort, RoutePlan

USERS = 1_000


def measures() -> list[Measure]:
    return [Measure("rules@0", _take, peers=(rows.OURS,), apart=True)]


def crowded(users: int) -> RoutePlan:
    """A Service that so many mesh at once, each with a mark of his own."""
    ports = (RoutedPort(80, 8080, "http", "http"), RoutedPort(3306, 3306, "tcp", "mysql"))
    shares = tuple(share_of_user(number) for number in range(users))
    return RoutePlan("shop", "web", ports, shares, "10.96.0.9", "web-kt-origin-pods.shop.svc")


def share_of_user(number: int, ports: tuple[int, ...] = (80,)) -> Share:
    """What one of many takes of a Service's requests: those with a mark of his own."""
    mark = f"user{number}"
    return Share(
        kind="mesh",
        service=f"web-kt-mesh-{mark}",
        address=f"10.97.{number // 250}.{number % 250 + 1}",
        mark=mark,
        user=f"{mark}@laptop",
        since=f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
        matches=(parse_match(f"header:version={mark}"),),
        ports=ports,
    )


def _take(field: Field, peer: Peer) -> Values:
    plan = crowded(USERS)
    began = time.perf_counter()
    files = router_files(plan)
    took = time.perf_counter() - began
    return {"rules": took * 1e3, "rules-size": sum(map(len, files.values())) / 1024}
