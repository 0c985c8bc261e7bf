"""The playground's Istio is a real one: sidecars, rules of both kinds, mTLS that is demanded."""

from collections.abc import Iterator
from typing import Any

import pytest
from playground.cluster import Playground
from playground.testing import Deploy
from tests.cluster.connecting import wait_until
from tests.cluster.mesh_world import Shop, injected_namespace, shop_world

MARK = {"VERSION": "ci"}
STRICT = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "strict"},
    "spec": {"mtls": {"mode": "STRICT"}},
}


def marked_route(kind: str, port: int) -> dict[str, Any]:
    """Calls with the mark get a header in their answer, the others don't."""
    told = {"responseHeaderModifier": {"set": [{"name": "x-ruled-by", "value": kind}]}}
    backend = [{"name": "shop", "port": port}]
    marked = {
        "matches": [{"headers": [{"name": "version", "value": "ci"}]}],
        "filters": [{"type": "ResponseHeaderModifier", **told}],
        "backendRefs": backend,
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": kind.lower()},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "shop", "port": port}],
            "rules": [marked, {"backendRefs": backend}],
        },
    }


@pytest.fixture(scope="module")
def shop(istio: Playground) -> Iterator[Shop]:
    with (
        injected_namespace(istio) as namespace,
        shop_world(istio, namespace, in_mesh=True) as found,
    ):
        yield found


def test_callers_with_and_without_a_sidecar_reach_the_shop(shop: Shop) -> None:
    for caller in (shop.caller, shop.stranger):
        assert caller.ask("http", "shop", 80).who == "shop"
        assert caller.ask("grpc", "shop", 9090).who == "shop"
    assert shop.caller.ask("tcp", "shop", 7000).who == "shop"
    assert len(shop.pods()) == 2


@pytest.mark.parametrize(
    ("kind", "port", "way"), [("HTTPRoute", 80, "http"), ("GRPCRoute", 9090, "grpc")]
)
def test_a_route_with_a_service_as_parent_is_accepted_and_in_force(
    shop: Shop, kind: str, port: int, way: str
) -> None:
    Deploy(shop.cluster, shop.namespace)(marked_route(kind, port))

    def ruled(**options: Any) -> str:
        return shop.caller.ask(way, "shop", port, **options).headers.get("x-ruled-by", "")

    wait_until(lambda: ruled(headers=MARK) == kind, within=20)
    assert ruled() == ""
    found = shop.cluster.get(kind, kind.lower(), f"--namespace={shop.namespace}")
    conditions = found["status"]["parents"][0]["conditions"]
    held = {each["type"] for each in conditions if each["status"] == "True"}
    assert {"Accepted", "ResolvedRefs"} <= held


def test_strict_mtls_lets_the_mesh_in_and_nobody_else(shop: Shop) -> None:
    Deploy(shop.cluster, shop.namespace)(STRICT)
    wait_until(lambda: shop.stranger.ask("http", "shop", 80, fresh=True).error != "", within=20)
    assert shop.caller.ask("http", "shop", 80, fresh=True).who == "shop"
    assert shop.caller.ask("tcp", "shop", 7000).who == "shop"
