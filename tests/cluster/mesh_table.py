"""The shop meshed by any driver: who must answer whom, one table for all of them.

with meshed(shop, "istio", "ann", ann) as session:
    look(shop.caller, marked("ann"), "ann")
    assert nothing_left(shop)
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.cluster.connecting import KTCTL, started, wait_until
from tests.cluster.mesh_world import Manifest, Shop
from tests.cluster.patience import at_last
from tests.cluster.polyglots import Answer, Caller, Local
from tests.cluster.session import Session

RULES = "virtualservices.networking.istio.io,httproutes.gateway.networking.k8s.io"
OURS = f"leases,services,deployments,configmaps,destinationrules.networking.istio.io,{RULES}"

CALLS: list[dict[str, Any]] = [
    {"kind": "http", "port": 80},
    {"kind": "http", "port": 80, "path": "/sse?count=3&pause=0"},
    {"kind": "http", "port": 80, "method": "POST", "size": 3_000_000},
    {"kind": "h2c", "port": 8082},
    {"kind": "websocket", "port": 80, "messages": ["a", "b"]},
    {"kind": "grpc", "port": 9090},
    {"kind": "grpc", "port": 9090, "method": "Count", "message": {"count": 3}},
    {"kind": "grpc", "port": 9090, "method": "Talk", "messages": [{"say": "a"}, {"say": "b"}]},
]
"""What is told apart, whatever is spoken."""

PLAIN: list[dict[str, Any]] = [
    {"kind": "tcp", "port": 7000, "messages": ["a"]},
    {"kind": "udp", "port": 7002},
]
"""What carries no mark, and is left alone."""


def marked(mark: str) -> dict[str, str]:
    return {"VERSION": mark}


def argv(shop: Shop, mode: str, mark: str, local: Local, *flags: str) -> list[str]:
    """The command line of a mesh of the shop, with the images that the playground has."""
    images = shop.cluster.state.images
    given = ["--image", images["python"], "--routerImage", images["envoy"]]
    usual = ["--mode", mode, "--versionMark", mark, "--expose", local.expose]
    return [KTCTL, "mesh", "shop", *usual, "-n", shop.namespace, *given, "-o", "json", *flags]


@contextlib.contextmanager
def meshed(shop: Shop, mode: str, mark: str, local: Local, *flags: str) -> Iterator[Session]:
    """Marked requests come to ``local`` in the block; ended by SIGINT then, if it still runs."""
    with started(shop.cluster, argv(shop, mode, mark, local, *flags)) as session:
        session.wait_for(lambda event: event["event"] == "ready", 60)
        yield session
        if session.process.poll() is None:
            code = session.stop(within=60)
            assert code == 0, f"exit code {code}:\n{session.story()}"


@contextlib.contextmanager
def mirrored(shop: Shop, mode: str, local: Local, match: str) -> Iterator[Session]:
    """Copies of what matches come to ``local`` in the block."""
    image = shop.cluster.state.images["python"]
    flags = ["--mode", mode, "--expose", f"{local.http}:80", "--match", match]
    words = ["mirror", "shop", *flags, "--image", image, "-n", shop.namespace, "-o", "json"]
    with started(shop.cluster, [KTCTL, *words]) as session:
        session.wait_for(lambda event: event["event"] == "ready", 60)
        session.wait_for(lambda event: event["event"] == "status")
        yield session
        assert session.stop(within=60) == 0


def comes_as_copy(shop: Shop, session: Session, path: str) -> None:
    """Until a copy of such a request has come; the original has answered each."""

    def has_come() -> bool:
        [found] = asked(shop.caller, [{"kind": "http", "port": 80, "path": path}])
        assert found.who == "shop"
        return bool(session.status["calls"]["total"])

    wait_until(has_come, within=at_last(15))


def asked(
    caller: Caller, calls: list[dict[str, Any]], headers: Mapping[str, str] | None = None
) -> list[Answer]:
    """All of them at once."""
    return caller.ask_all(
        [{"host": "shop", "headers": dict(headers or {}), **one} for one in calls]
    )


def comes_to(caller: Caller, headers: Mapping[str, str], who: str, **call: Any) -> None:
    """Until such a request is answered by ``who``: rules take a moment to be everywhere."""
    order = {"kind": "http", "port": 80, **call}
    wait_until(lambda: asked(caller, [order], headers)[0].who == who, within=at_last(15))


def check_all(caller: Caller, headers: Mapping[str, str], who: str) -> list[Answer]:
    """Every protocol is answered by ``who``."""
    found = asked(caller, CALLS, headers)
    assert [each.error for each in found] == [""] * len(CALLS)
    assert [each.who for each in found] == [who] * len(CALLS)
    return found


def rules(shop: Shop, kind: str = RULES) -> dict[str, Any]:
    """The specs of all rules in the namespace, by name."""
    found = shop.cluster.get(kind, f"--namespace={shop.namespace}")["items"]
    return {each["metadata"]["name"]: each["spec"] for each in found}


def left(shop: Shop) -> list[str]:
    """What is there of ours, and not about to go."""
    found = shop.cluster.get(OURS, f"--namespace={shop.namespace}")["items"]
    names = [
        f"{each['kind']}/{each['metadata']['name']}"
        for each in found
        if "deletionTimestamp" not in each["metadata"]
    ]
    return sorted(name for name in names if "kt-" in name and "kube-root" not in name)


def wait_nothing_left(shop: Shop, within: float = 30) -> None:
    wait_until(lambda: left(shop) == [], within=at_last(within))


def apply(shop: Shop, *objects: Manifest) -> None:
    """As a user does; what was applied before is merged with what is new."""
    for each in objects:
        shop.cluster.kubectl("apply", "-n", shop.namespace, "-f", "-", stdin=json.dumps(each))
