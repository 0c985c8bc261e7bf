"""A copy comes here, the original answers: by the router, compared, recorded, sent again."""

import json
import signal
from collections.abc import Iterator

import pytest
from playground.cluster import Playground
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.exchanging import serving
from tests.cluster.mesh_world import Shop, shop_world
from tests.cluster.namespaces import own_namespace
from tests.cluster.polyglots import polyglot_on_laptop

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def shop(cluster: Playground) -> Iterator[Shop]:
    with own_namespace(cluster, "mirror") as namespace, shop_world(cluster, namespace) as found:
        yield found


def mirror(shop, *words):
    return serving(shop.cluster, shop.namespace, "mirror", "shop", *words)


def ask(shop, **options):
    """By a connection of its own: one that is kept stays where it was."""
    return shop.caller.ask("http", "shop", 80, fresh=True, **options)


def compared(session, path, **wanted):
    """The comparison of the answers to a request of this path."""
    return session.wait_for(
        lambda event: (
            event["event"] == "compared"
            and path in event["request"]
            and all(event[key] == value for key, value in wanted.items())
        ),
        20,
    )


def through_router(shop):
    """Until the nodes lead callers there."""
    wait_until(lambda: "x-kt-served-by" in ask(shop).headers, within=20)


def left_behind(shop):
    """What of ours is in the namespace."""
    kinds = "services,configmaps,deployments,leases"
    found = shop.cluster.get(kinds, f"--namespace={shop.namespace}")["items"]
    return [each["metadata"]["name"] for each in found if "kt-" in each["metadata"]["name"]]


def calls_of_http_2_are_compared(shop, session):
    assert shop.caller.ask("h2c", "shop", 8082, path="/two", fresh=True).who == "shop"
    assert compared(session, "/two")["answered"]
    told = shop.caller.ask("grpc", "shop", 9090, method="Count", message={"count": 2})
    assert told.who == "shop"
    found = compared(session, "polyglot.Polyglot/Count")
    assert found["origin"] == found["laptop"] == "200, gRPC 0 OK"
    bodies = [each["where"] for each in found["differences"] if each["what"] == "body"]
    assert bodies == ["message 1", "message 2"]


def test_answers_are_the_originals_and_where_the_laptops_differ_is_said(shop, tmp_path):
    file = tmp_path / "shop.har"
    with polyglot_on_laptop(shop.cluster, "ann") as ann:
        exposed = f"{ann.http}:80,{ann.h2c}:8082,{ann.grpc}:9090"
        words = ("--expose", exposed, "--diff", "--record", str(file), "--log")
        with mirror(shop, *words) as session:
            through_router(shop)
            told = ask(shop, path="/one", headers={"X-User": "ann"})
            assert (told.who, told.headers["x-kt-served-by"]) == ("shop", "origin")
            found = compared(session, "/one")
            where = {(each["what"], each["where"]) for each in found["differences"]}
            assert ("header", "x-who") in where
            assert ("body", "$.who") in where
            assert found["origin"] == found["laptop"] == "200"
            assert found["id"]
            same = ask(shop, path="/bytes?count=1000")
            assert same.status == 200
            compared(session, "/bytes")
            calls_of_http_2_are_compared(shop, session)
            json.loads(file.read_text())  # whole, though it grows
            ann.process.send_signal(signal.SIGSTOP)  # it hangs, and nobody notices
            try:
                with shop.caller.load(
                    "http", "shop", 80, path="/hang", count=100, fresh=True
                ) as load:
                    tally = load.wait()
                assert (tally.failed, set(tally.who)) == (0, {"shop"})
            finally:
                ann.process.send_signal(signal.SIGCONT)
        totals = next(event for event in session.events if event["event"] == "totals")
        assert totals["compared"] >= 2
        again = run_ktctl(
            shop.cluster, "replay", str(file), "--to", f"localhost:{ann.http}", "--diff",
            "--filter", "path:/one", "-o", "json",
        )  # fmt: skip
        assert again.code == 10
        events = [json.loads(line) for line in again.stdout.splitlines()]
        assert [event["event"] for event in events] == ["compared", "totals", "error"]
        assert events[0]["request"] == "GET /one"
    assert left_behind(shop) == []
    assert ask(shop).who == "shop"


def test_copies_that_match_come_and_a_dead_laptop_is_nobodys_business(shop):
    with polyglot_on_laptop(shop.cluster, "ann") as ann:
        words = ("--expose", f"{ann.http}:80", "--match", "header:x-user=ann", "--log")
        with mirror(shop, *words) as session:
            through_router(shop)
            assert ask(shop).who == "shop"
            marked = ask(shop, headers={"X-User": "ann"})
            assert marked.who == "shop"
            call = session.wait_for(lambda event: event["event"] == "call")
            assert call["target"] == f"127.0.0.1:{ann.http}"
            ann.process.terminate()
            ann.process.wait(20)
            gone = f"nothing listens on 127.0.0.1:{ann.http}"
            assert ask(shop, headers={"X-User": "ann"}).who == "shop"
            warning = session.wait_for(lambda event: event.get("message") == gone)
            assert "copies are dropped" in warning["hint"]
            headers = {"X-User": "ann"}
            with shop.caller.load("http", "shop", 80, headers=headers, rate=50, fresh=True) as load:
                session.kill()
                for _ in range(20):
                    assert ask(shop, headers=headers).who == "shop"
                tally = load.stop()
            assert (tally.failed, set(tally.who)) == (0, {"shop"})
    done = run_ktctl(shop.cluster, "recover", "shop", "--namespace", shop.namespace)
    assert done.code == 0, done.stderr
    wait_until(lambda: left_behind(shop) == [], within=60)


def test_bytes_of_any_protocol_are_copied_and_the_original_answers(shop):
    with polyglot_on_laptop(shop.cluster, "ann") as ann:
        words = ("--mode", "tcp", "--expose", f"{ann.tcp}:7000", "--log")
        with mirror(shop, *words) as session:

            def copied():
                answer = shop.caller.ask("tcp", "shop", 7000, messages=["hello"])
                assert (answer.who, answer.told) == ("shop", ["hello"])
                calls = [event for event in session.events if event["event"] == "call"]
                return any(call["received"] == len("hello") for call in calls)

            wait_until(copied, within=20)
            ann.process.send_signal(signal.SIGSTOP)
            try:
                of = {"kind": "tcp", "host": "shop", "port": 7000, "messages": ["hello"]}
                assert {each.who for each in shop.caller.ask_all([of] * 50)} == {"shop"}
            finally:
                ann.process.send_signal(signal.SIGCONT)
    wait_until(lambda: left_behind(shop) == [], within=20)
