"""What mesh tests are made of does what they rely on, before anything of ktctl is in the way."""

from collections.abc import Iterator

import pytest
from playground.cluster import Playground
from tests.cluster.mesh_world import Shop, shop_world
from tests.cluster.namespaces import own_namespace
from tests.cluster.polyglots import calling_on_laptop, polyglot_on_laptop


@pytest.fixture(scope="module")
def shop(cluster: Playground) -> Iterator[Shop]:
    with own_namespace(cluster, "shop") as namespace, shop_world(cluster, namespace) as found:
        yield found


def test_the_shop_says_in_every_protocol_who_it_is_and_what_it_saw(shop: Shop) -> None:
    mark = {"VERSION": "ci"}
    http = {"host": "shop", "headers": mark}
    heard = shop.caller.ask_all(
        [
            {"kind": "http", "port": 80, **http},
            {"kind": "http", "port": 8081, **http},
            {"kind": "h2c", "port": 8082, **http},
            {"kind": "websocket", "port": 80, "messages": ["a", "b"], **http},
            {"kind": "grpc", "port": 9090, **http},
            {"kind": "tcp", "port": 7000, "host": "shop", "messages": ["a", "b"]},
            {"kind": "udp", "port": 7002, "host": "shop"},
        ]
    )
    assert [found.error for found in heard] == [""] * 7
    assert {found.who for found in heard} == {"shop"}
    assert [found.seen["protocol"] for found in heard] == [
        *("HTTP/1.1", "HTTP/1.1", "HTTP/2", "HTTP/1.1", "gRPC", "TCP", "UDP")
    ]
    assert {found.seen["headers"]["version"] for found in heard[:5]} == {"ci"}
    assert [each["said"] for each in heard[3].told] == heard[5].told == ["a", "b"]


def test_streams_bodies_and_errors_come_as_they_were_ordered(shop: Shop) -> None:
    heard = shop.caller.ask_all(
        [
            {"kind": "http", "host": "shop", "port": 80, "path": "/sse?count=3&pause=0"},
            {"kind": "http", "host": "shop", "port": 80, "path": "/status/404"},
            {"kind": "http", "host": "shop", "port": 80, "path": "/bytes?count=3000000"},
            {"kind": "http", "host": "shop", "port": 80, "method": "POST", "size": 3000000},
            {"kind": "grpc", "host": "shop", "port": 9090, "message": {"fail": "NOT_FOUND"}},
            {"kind": "http", "host": "shop", "port": 1, "patience": 2},
        ]
    )
    assert [each["number"] for each in heard[0].told] == [0, 1, 2]
    assert heard[1].status == 404
    assert (heard[2].length, heard[3].seen["length"]) == (3000000, 3000000)
    assert "NOT_FOUND" in heard[4].error
    assert heard[5].error != ""


def test_a_load_counts_who_answered(shop: Shop) -> None:
    with shop.caller.load("http", "shop", 80, workers=4, count=200) as load:
        tally = load.wait()
    assert (tally.who, tally.failed) == ({"shop": tally.calls}, 0)
    assert tally.calls >= 200


def test_the_laptop_has_polyglots_and_callers_of_its_own(cluster: Playground) -> None:
    with polyglot_on_laptop(cluster, "ann", 28080) as ann, calling_on_laptop(cluster) as caller:
        assert caller.ask("h2c", "127.0.0.1", ann.h2c).who == "ann"
        assert caller.ask("grpc", "127.0.0.1", ann.grpc).who == "ann"
        with caller.load("tcp", "127.0.0.1", ann.tcp, rate=50) as load:
            assert caller.ask("udp", "127.0.0.1", ann.udp).who == "ann"
            tally = load.stop()
    assert set(tally.who) <= {"ann"}
    assert tally.failed == 0
