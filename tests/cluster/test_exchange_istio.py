"""`exchange` where Istio's sidecars are: by the selector, or by a rule where subsets decide."""

import signal
from typing import Any

import pytest
from tests.cluster.connecting import KTCTL, run_ktctl, started, wait_until
from tests.cluster.mesh_table import (
    PLAIN,
    apply,
    argv,
    asked,
    check_all,
    comes_to,
    left,
    marked,
    meshed,
    rules,
    wait_nothing_left,
)
from tests.cluster.mesh_world import Shop
from tests.cluster.patience import at_last
from tests.cluster.polyglots import Local
from tests.cluster.processes import family, send

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(500)]

VERSION = "networking.istio.io/v1"
KINDS = ("virtualservice/theirs", "destinationrule/theirs")


def to_subset(name: str, *headers: str) -> dict[str, Any]:
    found: dict[str, Any] = {"route": [{"destination": {"host": "shop", "subset": name}}]}
    if headers:
        found["headers"] = {"response": {"add": dict.fromkeys(headers, "1")}}
    return found


SUBSETS: list[dict[str, Any]] = [
    {
        "apiVersion": VERSION,
        "kind": "DestinationRule",
        "metadata": {"name": "theirs"},
        "spec": {"host": "shop", "subsets": [{"name": "v1", "labels": {"app": "shop"}}]},
    },
    {
        "apiVersion": VERSION,
        "kind": "VirtualService",
        "metadata": {"name": "theirs"},
        "spec": {
            "hosts": ["shop"],
            "http": [
                {"match": [{"uri": {"prefix": "/old"}}], **to_subset("v1", "x-old")},
                to_subset("v1", "x-theirs"),
            ],
        },
    },
]


@pytest.fixture
def shop(sidecar_shop: Shop) -> Shop:
    return sidecar_shop


def words(shop: Shop, local: Local, *flags: str) -> list[str]:
    """The command line of an exchange of what the table of protocols asks for."""
    expose = f"{local.http}:80,{local.h2c}:8082,{local.grpc}:9090"
    image = shop.cluster.state.images["python"]
    given = ["--expose", expose, "--image", image, "-n", shop.namespace, "-o", "json"]
    return ["exchange", "shop", *given, *flags]


def proof(session: Any) -> str:
    session.wait_for(lambda event: event["event"] == "ready", 60)
    return str(session.ready["facts"]["proof"])


def test_by_the_selector_it_proves_itself_by_a_request(shop: Shop, ann: Local) -> None:
    with started(shop.cluster, [KTCTL, *words(shop, ann)]) as session:
        assert proof(session).startswith("A request to service")
        comes_to(shop.caller, {}, "ann")
        check_all(shop.caller, {}, "ann")
        assert session.stop(within=60) == 0
    comes_to(shop.caller, {}, "shop")
    wait_nothing_left(shop)


def test_where_subsets_decide_a_rule_leads_all_requests_here(shop: Shop, ann: Local) -> None:
    apply(shop, *SUBSETS)
    before = rules(shop)["theirs"]
    try:
        comes_to(shop.caller, {}, "shop", path="/old")
        dry = run_ktctl(shop.cluster, *words(shop, ann, "--dryRun"))
        assert dry.code == 0, dry.stderr
        assert "kt-exchange-shop-kt-exchange-" in dry.stdout
        assert left(shop) == []
        with started(shop.cluster, [KTCTL, *words(shop, ann)]) as session:
            assert proof(session).startswith("A request to service")
            assert session.ready["facts"]["driver"] == "istio"
            assert rules(shop)["theirs"]["http"][-2:] == before["http"]
            comes_to(shop.caller, {}, "ann", path="/old")
            check_all(shop.caller, {}, "ann")
            assert [each.who for each in asked(shop.caller, PLAIN)] == ["shop", "shop"]
            [strange] = asked(shop.stranger, [{"kind": "http", "port": 80}])
            assert strange.who == "shop"
            refused = run_ktctl(shop.cluster, *argv(shop, "istio", "bob", ann)[1:])
            assert refused.code != 0
            assert "service/shop is taken: exchange by" in refused.error["message"]
            send(signal.SIGKILL, *family(session.pid))
            comes_to(shop.caller, {}, "shop")  # by the agent
            check_all(shop.caller, {}, "shop")
        done = run_ktctl(shop.cluster, "recover", "shop", "-n", shop.namespace)
        assert done.code == 0, done.stderr
        assert rules(shop)["theirs"] == before
        comes_to(shop.caller, {}, "shop", path="/old")
        wait_nothing_left(shop)
    finally:
        shop.cluster.kubectl("delete", *KINDS, "-n", shop.namespace)


def test_clean_takes_out_the_rules_of_a_session_that_was_killed(shop: Shop, ann: Local) -> None:
    apply(shop, *SUBSETS)
    before = rules(shop)["theirs"]
    try:
        with meshed(shop, "istio", "ann", ann) as session:
            comes_to(shop.caller, marked("ann"), "ann")
            assert len(rules(shop)["theirs"]["http"]) > len(before["http"])
            send(signal.SIGKILL, *family(session.pid))
            wait_until(lambda: session.process.poll() is not None, within=at_last(10))
        done = run_ktctl(shop.cluster, "clean", "-n", shop.namespace)
        assert done.code == 0, done.stderr
        assert rules(shop)["theirs"] == before
        wait_nothing_left(shop)
        [found] = asked(shop.caller, [{"kind": "http", "port": 80}], marked("ann"))
        assert (found.who, found.headers["x-theirs"]) == ("shop", "1")
    finally:
        shop.cluster.kubectl("delete", *KINDS, "-n", shop.namespace)
