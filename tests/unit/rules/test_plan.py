"""What the router must know of a Service."""

from dataclasses import replace

import pytest
from tests.unit.rules.test_order import share

from ktconnect.rules.plan import RoutedPort, RoutePlan, app_of, routed_port


@pytest.mark.parametrize(
    ("port", "app"),
    [
        ({"port": 80, "name": "http"}, "http"),
        ({"port": 80, "name": "http2-admin"}, "http"),
        ({"port": 80, "name": "HTTP-x"}, "http"),
        ({"port": 80, "name": "httpx"}, "unknown"),
        ({"port": 80, "name": "grpc-web-x"}, "grpc"),
        ({"port": 80, "name": "grpc"}, "grpc"),
        ({"port": 443, "name": "https"}, "tls"),
        ({"port": 80, "name": "mysql-x"}, "tcp"),
        ({"port": 80, "name": "web"}, "unknown"),
        ({"port": 80}, "unknown"),
        ({"port": 3306}, "tcp"),
        ({"port": 3306, "name": "http"}, "http"),
        ({"port": 80, "appProtocol": "kubernetes.io/h2c", "name": "tcp"}, "http"),
        ({"port": 80, "appProtocol": "kubernetes.io/wss"}, "tls"),
        ({"port": 80, "appProtocol": "example.com/mine", "name": "http"}, "unknown"),
        ({"port": 53, "protocol": "UDP", "name": "http"}, "udp"),
    ],
)
def test_what_is_spoken_on_a_port(port, app):
    assert app_of(port) == app


def test_a_port_of_a_manifest():
    port = routed_port({"port": 80, "name": "http"}, 8080, uniform=False)
    assert port == RoutedPort(80, 8080, "http", "http", uniform=False)
    assert port.protocol == "tcp"
    assert port.listen == ("tcp", 8080)


@pytest.mark.parametrize(
    ("said", "http2"),
    [
        ({"name": "http2-admin"}, True),
        ({"name": "grpc"}, True),
        ({"name": "http", "appProtocol": "kubernetes.io/h2c"}, True),
        ({"name": "grpc-web"}, False),
        ({"name": "h2c", "appProtocol": "http"}, False),
        ({}, False),
    ],
)
def test_that_http_2_alone_need_be_spoken_is_declared(said, http2):
    assert routed_port({"port": 80, **said}, 8080).http2 == http2


PORTS = (
    RoutedPort(80, 8080, "http"),
    RoutedPort(81, 8080, "http"),
    RoutedPort(443, 8443, "tls"),
    RoutedPort(3306, 3306, "tcp"),
    RoutedPort(8080, 8080, "udp"),
)


def plan(*shares):
    return RoutePlan("shop", "web", PORTS, shares, "10.96.0.9")


def test_of_ports_that_lead_to_the_same_the_first_is_listened_on():
    assert [port.number for port in plan().listened] == [80, 443, 3306, 8080]


def test_a_share_of_one_of_them_is_one_of_all():
    ann = share("ann", ports=(81,))
    found = plan(ann)
    assert found.exposed(PORTS[0]) == (ann,)
    assert found.number_of(ann, PORTS[0]) == 81
    assert found.number_of(share("bob", ports=(9,)), PORTS[0]) == 0
    assert found.routed == (PORTS[0],)


def test_only_what_can_be_told_apart_is_exposed():
    ann = share("ann", ports=(80, 443, 3306, 8080))
    bob = share("bob", "sni:bob.test", ports=(80, 443))
    found = plan(ann, bob)
    assert found.exposed(PORTS[0]) == (ann,)
    assert found.exposed(PORTS[2]) == (bob,), "TLS shows the server's name only"
    assert found.exposed(PORTS[3]) == ()
    assert found.exposed(PORTS[4]) == ()


def test_shares_that_no_proxy_can_read_are_left_out_and_the_oldest_comes_first():
    ann, bob = share("ann", since="2026-02"), share("bob", since="2026-01")
    nowhere = [replace(ann, address=text) for text in ("", "None")]
    nothing = replace(ann, matches=())
    assert plan(ann, bob, *nowhere, nothing).usable == (bob, ann)
