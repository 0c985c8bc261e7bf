"""Marked requests where Istio's sidecars are: by VirtualService, beside the user's own rules."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playground.cluster import Playground
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.mesh_table import (
    PLAIN,
    apply,
    asked,
    check_all,
    comes_to,
    left,
    marked,
    meshed,
    rules,
    wait_nothing_left,
)
from tests.cluster.mesh_world import Shop, injected_namespace, shop_world
from tests.cluster.patience import at_last
from tests.cluster.polyglots import Local, polyglot_on_laptop
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


@pytest.fixture(scope="module")
def shop(istio: Playground) -> Iterator[Shop]:
    with (
        injected_namespace(istio) as namespace,
        shop_world(istio, namespace, replicas=1, in_mesh=True) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def ann(istio: Playground) -> Iterator[Local]:
    with polyglot_on_laptop(istio, "ann", 28410) as found:
        yield found


@pytest.fixture(scope="module")
def bob(istio: Playground) -> Iterator[Local]:
    with polyglot_on_laptop(istio, "bob", 28420) as found:
        yield found


def test_marked_requests_of_every_protocol_come_here_and_all_others_stay(
    shop: Shop, ann: Local
) -> None:
    with meshed(shop, "auto", "ann", ann) as session:
        assert session.ready["facts"]["driver"] == "istio"
        comes_to(shop.caller, marked("ann"), "ann")
        for found in check_all(shop.caller, marked("ann"), "ann"):
            assert found.headers["x-kt-served-by"] == "ann"
            assert found.headers["cache-control"] == "no-store"
        check_all(shop.caller, marked("bob"), "shop")
        check_all(shop.caller, {}, "shop")
        assert [each.who for each in asked(shop.caller, PLAIN)] == ["shop", "shop"]
        strange = asked(shop.stranger, [{"kind": "http", "port": 80}], marked("ann"))
        assert strange[0].who == "shop"  # nobody reads rules for a caller without a sidecar
    wait_nothing_left(shop)


def test_two_users_come_and_go_while_nobody_else_notices(
    shop: Shop, ann: Local, bob: Local
) -> None:
    cookie = ("--match", "cookie:user=bob", "--match", "path:/bob,header:x-user^=bo")
    with shop.caller.load("http", "shop", 80, rate=50, workers=4) as load:
        with meshed(shop, "istio", "ann", ann):
            comes_to(shop.caller, marked("ann"), "ann")
            with meshed(shop, "auto", "bob", bob, *cookie):
                comes_to(shop.caller, {"cookie": "a=1; user=bob"}, "bob")
                comes_to(shop.caller, {"x-user": "bobby"}, "bob", path="/bob/x")
                elsewhere = asked(
                    shop.caller,
                    [{"kind": "http", "port": 80, "path": "/bobs"}],
                    {"x-user": "bobby"},
                )
                assert elsewhere[0].who == "shop"
                check_all(shop.caller, marked("ann"), "ann")
            comes_to(shop.caller, {"cookie": "user=bob"}, "shop")
            check_all(shop.caller, marked("ann"), "ann")
        tally = load.stop()
    assert tally.failed == 0, tally.failures
    assert set(tally.who) == {"shop"}
    wait_nothing_left(shop)


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
