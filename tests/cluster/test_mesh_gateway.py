"""Marked requests by HTTPRoutes whose parent is the Service: on Istio, which reads those, too."""

from typing import Any

import pytest
from tests.cluster.connecting import run_ktctl
from tests.cluster.mesh_table import (
    PLAIN,
    apply,
    argv,
    asked,
    check_all,
    comes_as_copy,
    comes_to,
    marked,
    meshed,
    mirrored,
    rules,
    wait_nothing_left,
)
from tests.cluster.mesh_world import Shop
from tests.cluster.polyglots import Local

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(500)]

ROUTES = "httproutes.gateway.networking.k8s.io"
THEIRS: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "theirs"},
    "spec": {
        "parentRefs": [{"group": "", "kind": "Service", "name": "shop", "port": 80}],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/status"}}],
                "backendRefs": [{"name": "shop", "port": 80}],
                "filters": [
                    {
                        "type": "ResponseHeaderModifier",
                        "responseHeaderModifier": {"set": [{"name": "x-theirs", "value": "1"}]},
                    }
                ],
            },
            {"backendRefs": [{"name": "shop", "port": 80}]},
        ],
    },
}


@pytest.fixture
def shop(sidecar_shop: Shop) -> Shop:
    return sidecar_shop


def test_two_users_share_every_protocol_by_routes_of_their_own(
    shop: Shop, ann: Local, bob: Local
) -> None:
    many = [word for n in range(130) for word in ("--match", f"header:x-user=u{n}")]
    with meshed(shop, "gateway", "ann", ann):
        comes_to(shop.caller, marked("ann"), "ann")
        for found in check_all(shop.caller, marked("ann"), "ann"):
            assert found.headers["x-kt-served-by"] == "ann"
        check_all(shop.caller, {}, "shop")
        assert [each.who for each in asked(shop.caller, PLAIN)] == ["shop", "shop"]
        with meshed(shop, "auto", "bob", bob, *many) as session:
            assert session.ready["facts"]["driver"] == "gateway"
            comes_to(shop.caller, {"x-user": "u129"}, "bob")
            assert "shop-kt-mesh-bob-80-1" in rules(shop, ROUTES)
            check_all(shop.caller, marked("ann"), "ann")
        comes_to(shop.caller, {"x-user": "u129"}, "shop")
        check_all(shop.caller, marked("ann"), "ann")
    wait_nothing_left(shop)
    check_all(shop.caller, marked("ann"), "shop")


def test_beside_the_users_own_routes_marked_requests_come_first(shop: Shop, ann: Local) -> None:
    apply(shop, THEIRS)
    before = rules(shop, ROUTES)["theirs"]
    narrow = {"kind": "http", "port": 80, "path": "/status/200"}
    try:
        comes_to(shop.caller, {}, "shop", path="/status/200")
        with meshed(shop, "gateway", "ann", ann):
            comes_to(shop.caller, marked("ann"), "ann")
            [found] = asked(shop.caller, [narrow], marked("ann"))
            assert found.headers["x-kt-served-by"] == "ann"
            [found] = asked(shop.caller, [narrow])
            assert found.headers["x-theirs"] == "1"
        assert rules(shop, ROUTES) == {"theirs": before}
        wait_nothing_left(shop)
    finally:
        shop.cluster.kubectl("delete", ROUTES, "theirs", "-n", shop.namespace)


def test_copies_come_here_while_the_original_answers(shop: Shop, ann: Local) -> None:
    with mirrored(shop, "gateway", ann, "path:/copied") as session:
        assert session.ready["facts"]["driver"] == "gateway"
        comes_as_copy(shop, session, "/copied/x")
    wait_nothing_left(shop)


def test_what_routes_cant_say_is_refused_and_nothing_is_made(shop: Shop, ann: Local) -> None:
    words = argv(shop, "gateway", "ann", ann, "--match", "sni:shop.example.com")[1:]
    done = run_ktctl(shop.cluster, *words)
    assert done.code == 2
    assert "does not compare the server name" in done.error["message"]
    wait_nothing_left(shop)
