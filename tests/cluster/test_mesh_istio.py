"""Marked requests where Istio's sidecars are: by VirtualService, beside the user's own rules."""

import signal
from typing import Any

import pytest
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.mesh_table import (
    PLAIN,
    apply,
    argv,
    asked,
    check_all,
    comes_as_copy,
    comes_to,
    left,
    marked,
    meshed,
    mirrored,
    rules,
    wait_nothing_left,
)
from tests.cluster.mesh_world import Shop
from tests.cluster.patience import at_last
from tests.cluster.polyglots import Local
from tests.cluster.processes import family, send

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(500)]

VERSION = "networking.istio.io/v1"
THEIRS: dict[str, Any] = {
    "apiVersion": VERSION,
    "kind": "VirtualService",
    "metadata": {"name": "theirs"},
    "spec": {
        "hosts": ["shop"],
        "http": [
            {
                "match": [{"uri": {"prefix": "/old"}}],
                "redirect": {"uri": "/new", "redirectCode": 302},
            },
            {
                "name": "all",
                "route": [{"destination": {"host": "shop"}, "weight": 100}],
                "headers": {"response": {"add": {"x-theirs": "1"}}},
                "timeout": "30s",
            },
        ],
    },
}
STRICT = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "strict"},
    "spec": {"mtls": {"mode": "STRICT"}},
}


@pytest.fixture
def shop(sidecar_shop: Shop) -> Shop:
    return sidecar_shop


def test_users_come_and_go_and_each_gets_what_is_marked_in_every_protocol(
    shop: Shop, ann: Local, bob: Local
) -> None:
    matches = ("--match", "cookie:user=bob", "--match", "path:/bob,header:x-user^=bo")
    with shop.caller.load("http", "shop", 80, rate=50, workers=4) as load:
        with meshed(shop, "auto", "ann", ann) as session:
            assert session.ready["facts"]["driver"] == "istio"
            comes_to(shop.caller, marked("ann"), "ann")
            for found in check_all(shop.caller, marked("ann"), "ann"):
                assert found.headers["x-kt-served-by"] == "ann"
                assert found.headers["cache-control"] == "no-store"
            with meshed(shop, "istio", "bob", bob, *matches):
                comes_to(shop.caller, {"cookie": "a=1; user=bob"}, "bob")
                comes_to(shop.caller, {"x-user": "bobby"}, "bob", path="/bob/x")
                others = [({"x-user": "bobby"}, "/bobs"), (marked("eve"), "/"), ({}, "/bob")]
                for headers, path in others:
                    [found] = asked(
                        shop.caller, [{"kind": "http", "port": 80, "path": path}], headers
                    )
                    assert found.who == "shop"
                check_all(shop.caller, marked("ann"), "ann")
            comes_to(shop.caller, {"cookie": "user=bob"}, "shop")
            check_all(shop.caller, marked("ann"), "ann")
            check_all(shop.caller, {}, "shop")
            assert [each.who for each in asked(shop.caller, PLAIN)] == ["shop", "shop"]
            # nobody reads rules for a caller without a sidecar
            [strange] = asked(shop.stranger, [{"kind": "http", "port": 80}], marked("ann"))
            assert strange.who == "shop"
        tally = load.stop()
    assert tally.failed == 0, tally.failures
    assert set(tally.who) == {"shop"}
    wait_nothing_left(shop)


def test_copies_come_here_while_the_original_answers(shop: Shop, ann: Local) -> None:
    with mirrored(shop, "istio", ann, "path:/copied") as session:
        comes_as_copy(shop, session, "/copied/x")
    wait_nothing_left(shop)


def test_a_router_that_no_sidecar_would_let_through_is_refused(shop: Shop, ann: Local) -> None:
    done = run_ktctl(shop.cluster, *argv(shop, "router", "ann", ann)[1:])
    assert done.code == 2
    assert "port 7000 of shop is TCP" in done.error["message"]
    assert left(shop) == []


def test_the_users_own_rules_stay_and_are_as_they_were_in_the_end(
    shop: Shop, ann: Local, bob: Local
) -> None:
    apply(shop, THEIRS)
    before = rules(shop)["theirs"]
    changed = {**THEIRS, "spec": {**THEIRS["spec"], "http": THEIRS["spec"]["http"][1:]}}
    try:
        with meshed(shop, "istio", "ann", ann), meshed(shop, "istio", "bob", bob):
            comes_to(shop.caller, marked("ann"), "ann")
            comes_to(shop.caller, marked("bob"), "bob")
            now = rules(shop)
            assert set(now) == {"theirs"}
            assert now["theirs"]["http"][-2:] == before["http"]
            [old] = asked(shop.caller, [{"kind": "http", "port": 80, "path": "/old"}])
            assert old.status == 302
            assert asked(shop.caller, [{"kind": "http", "port": 80}])[0].headers["x-theirs"] == "1"
            apply(shop, changed)
            wait_until(lambda: _ours(shop) == 6, within=at_last(15))
            assert rules(shop)["theirs"]["http"][-1:] == before["http"][1:]
            comes_to(shop.caller, marked("ann"), "ann")
        assert rules(shop)["theirs"] == {**before, "http": before["http"][1:]}
        wait_nothing_left(shop)
    finally:
        shop.cluster.kubectl("delete", "virtualservice", "theirs", "-n", shop.namespace)


def _ours(shop: Shop) -> int:
    """How many rules of ours are among the user's."""
    http = rules(shop)["theirs"]["http"]
    return sum(str(rule.get("name", "")).startswith("kt-mesh-") for rule in http)


def test_strict_mtls_and_a_laptop_that_dies(shop: Shop, ann: Local) -> None:
    assert run_ktctl(shop.cluster, "setup", "-n", shop.namespace).code == 0
    apply(shop, STRICT, THEIRS)
    before = rules(shop)["theirs"]
    policy = {"tls": {"mode": "ISTIO_MUTUAL"}, "connectionPool": {"tcp": {"maxConnections": 99}}}
    dest = {"host": "shop", "trafficPolicy": policy}
    metadata = {"name": "theirs"}
    kind = {"apiVersion": VERSION, "kind": "DestinationRule"}
    apply(shop, {**kind, "metadata": metadata, "spec": dest})
    try:
        wait_until(lambda: _is_strict(shop), within=at_last(15))
        with meshed(shop, "istio", "ann", ann, "--restoreAfter", "10") as session:
            comes_to(shop.caller, marked("ann"), "ann")
            check_all(shop.caller, marked("ann"), "ann")
            check_all(shop.caller, {}, "shop")
            copied = rules(shop, "destinationrules.networking.istio.io")["shop-kt-mesh-ann"]
            assert copied["trafficPolicy"] == policy
            send(signal.SIGKILL, *family(session.pid))
            comes_to(shop.caller, marked("ann"), "shop")  # by the agent, which has a sidecar
            check_all(shop.caller, marked("ann"), "shop")
            wait_until(lambda: left(shop) == [], within=at_last(60))
        assert rules(shop)["theirs"] == before
        check_all(shop.caller, marked("ann"), "shop")
    finally:
        run_ktctl(shop.cluster, "setup", "--remove", "-n", shop.namespace)
        for each in (
            "peerauthentication/strict",
            "virtualservice/theirs",
            "destinationrule/theirs",
        ):
            shop.cluster.kubectl("delete", each, "-n", shop.namespace)


def _is_strict(shop: Shop) -> bool:
    """Who has no certificate is turned away."""
    [found] = asked(shop.stranger, [{"kind": "http", "port": 80, "fresh": True}])
    return found.who == ""
