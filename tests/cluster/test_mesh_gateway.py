"""Marked requests by HTTPRoutes whose parent is the Service, where the mesh demands mTLS."""

from collections.abc import Iterator
from typing import Any

import pytest
from playground.cluster import Playground
from tests.cluster.mesh_table import (
    PLAIN,
    apply,
    asked,
    check_all,
    comes_to,
    marked,
    meshed,
    rules,
    wait_nothing_left,
)
from tests.cluster.mesh_world import Shop, injected_namespace, shop_world
from tests.cluster.polyglots import Local, polyglot_on_laptop

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(500)]

ROUTES = "httproutes.gateway.networking.k8s.io"
STRICT = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "strict"},
    "spec": {"mtls": {"mode": "STRICT"}},
}
PARENT = {"group": "", "kind": "Service", "name": "shop", "port": 80}
THEIRS: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "theirs"},
    "spec": {
        "parentRefs": [PARENT],
        "rules": [
            {
                "filters": [
                    {
                        "type": "ResponseHeaderModifier",
                        "responseHeaderModifier": {"set": [{"name": "x-theirs", "value": "1"}]},
                    }
                ],
                "backendRefs": [{"name": "shop", "port": 80}],
            }
        ],
    },
}


@pytest.fixture(scope="module")
def shop(istio: Playground) -> Iterator[Shop]:
    with (
        injected_namespace(istio) as namespace,
        shop_world(istio, namespace, replicas=1, in_mesh=True) as found,
    ):
        apply(found, STRICT)
        yield found


@pytest.fixture(scope="module")
def ann(istio: Playground) -> Iterator[Local]:
    with polyglot_on_laptop(istio, "ann", 28510) as found:
        yield found


@pytest.fixture(scope="module")
def bob(istio: Playground) -> Iterator[Local]:
    with polyglot_on_laptop(istio, "bob", 28520) as found:
        yield found


def test_marked_requests_of_every_protocol_come_here_and_all_others_stay(
    shop: Shop, ann: Local
) -> None:
    with meshed(shop, "gateway", "ann", ann) as session:
        assert session.ready["facts"]["driver"] == "gateway"
        comes_to(shop.caller, marked("ann"), "ann")
        for found in check_all(shop.caller, marked("ann"), "ann"):
            assert found.headers["x-kt-served-by"] == "ann"
            assert found.headers["cache-control"] == "no-store"
        check_all(shop.caller, marked("bob"), "shop")
        check_all(shop.caller, {}, "shop")
        assert [each.who for each in asked(shop.caller, PLAIN)] == ["shop", "shop"]
    wait_nothing_left(shop)


def test_two_users_come_and_go_beside_the_users_own_route(
    shop: Shop, ann: Local, bob: Local
) -> None:
    apply(shop, THEIRS)
    before = rules(shop, ROUTES)["theirs"]
    with shop.caller.load("http", "shop", 80, rate=50, workers=4) as load:
        with meshed(shop, "gateway", "ann", ann):
            comes_to(shop.caller, marked("ann"), "ann")
            with meshed(shop, "auto", "bob", bob) as session:
                assert session.ready["facts"]["driver"] == "gateway"
                comes_to(shop.caller, marked("bob"), "bob")
                check_all(shop.caller, marked("ann"), "ann")
                [plain] = asked(shop.caller, [{"kind": "http", "port": 80}])
                assert (plain.who, plain.headers.get("x-theirs")) == ("shop", "1")
            comes_to(shop.caller, marked("bob"), "shop")
            check_all(shop.caller, marked("ann"), "ann")
            assert rules(shop, ROUTES)["theirs"] == before
        tally = load.stop()
    assert (tally.failed, set(tally.who)) == (0, {"shop"}), tally.failures
    wait_nothing_left(shop)
    assert rules(shop, ROUTES) == {"theirs": before}
    shop.cluster.kubectl("delete", ROUTES, "theirs", f"--namespace={shop.namespace}")


def test_more_matches_than_one_route_may_have_are_spread_over_several(
    shop: Shop, ann: Local
) -> None:
    """A route has 16 rules at most, a rule of ours 8 matches: these take three routes a port."""
    matches = [word for n in range(260) for word in ("--match", f"header:x-user=u{n}")]
    with meshed(shop, "gateway", "ann", ann, *matches):
        comes_to(shop.caller, {"x-user": "u0"}, "ann")
        comes_to(shop.caller, {"x-user": "u259"}, "ann")
        [other] = asked(shop.caller, [{"kind": "http", "port": 80}], {"x-user": "u260"})
        assert other.who == "shop"
        found = rules(shop, ROUTES)
        on_http = [spec for spec in found.values() if spec["parentRefs"][0].get("port") == 80]
        assert len(on_http) == 3
        assert max(len(spec["rules"]) for spec in found.values()) <= 16
    wait_nothing_left(shop)
