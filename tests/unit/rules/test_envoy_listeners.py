"""Where callers come in."""

import json
from dataclasses import replace

import pytest
from tests.unit.rules.test_order import share

from ktconnect.rules.envoy_listeners import address, listener, listeners_text
from ktconnect.rules.plan import RoutedPort, RoutePlan

PORTS = {
    "http": RoutedPort(1, 8001, "http"),
    "grpc": RoutedPort(2, 8002, "grpc"),
    "unknown": RoutedPort(3, 8003, "unknown"),
    "tls": RoutedPort(4, 8004, "tls"),
    "tcp": RoutedPort(5, 8005, "tcp"),
    "udp": RoutedPort(6, 8006, "udp"),
}
EVERY = tuple(port.number for port in PORTS.values())


def plan(*shares):
    return RoutePlan("shop", "web", tuple(PORTS.values()), shares, "10.96.0.9")


def made(app, *shares):
    return listener(plan(*shares), PORTS[app], "/files")


@pytest.mark.parametrize("app", ["http", "grpc", "unknown", "tls", "tcp"])
def test_a_port_that_nobody_means_is_passed_on_unread(app):
    found = made(app)
    assert "listener_filters" not in found
    assert "filter_chains" not in found
    [proxy] = found["default_filter_chain"]["filters"]
    assert proxy["typed_config"]["cluster"] == f"passed|{PORTS[app].number}"
    assert proxy["typed_config"]["idle_timeout"] == "0s"


@pytest.mark.parametrize(("app", "patience"), [("http", "0s"), ("grpc", "0s"), ("unknown", "1s")])
def test_http_is_routed_and_anything_else_passed_on(app, patience):
    found = made(app, share("ann", ports=EVERY))
    [chain] = found["filter_chains"]
    assert chain["filter_chain_match"]["transport_protocol"] == "raw_buffer"
    assert found["listener_filters_timeout"] == patience
    assert found["continue_on_listener_filters_timeout"]
    assert found["default_filter_chain"] == made(app)["default_filter_chain"]
    rds = chain["filters"][0]["typed_config"]["rds"]
    assert rds["config_source"]["path_config_source"] == {
        "path": f"/files/rds-{PORTS[app].number}.json",
        "watched_directory": {"path": "/files"},
    }


def test_each_server_name_belongs_to_one_session():
    ann = share("ann", "sni:a.test", "path:/", "sni:*.a.test", ports=EVERY)
    bob = share("bob", "sni:a.test", "sni:b.test", since="2026-02", ports=EVERY)
    chains = made("tls", bob, ann)["filter_chains"]
    names = {each["name"]: each["filter_chain_match"]["server_names"] for each in chains}
    assert {name: sorted(found) for name, found in names.items()} == {
        "web-kt-mesh-ann": ["*.a.test", "a.test"],
        "web-kt-mesh-bob": ["b.test"],
    }


def test_who_leaves_has_no_server_name():
    leaving = share("ann", "sni:a.test", ports=EVERY, leaving=True)
    assert made("tls", leaving)["filter_chains"] == []


def test_tcp_and_udp_are_passed_on_whoever_means_them():
    ann = share("ann", ports=EVERY)
    assert made("tcp", ann) == made("tcp")
    udp = made("udp", ann)
    assert udp["address"]["socket_address"]["protocol"] == "UDP"
    assert "passed|6" in json.dumps(udp["listener_filters"])


def test_all_of_them_are_in_the_file():
    found = json.loads(listeners_text(plan(), "/files", "7"))
    assert found["version_info"] == "7"
    assert len(found["resources"]) == len(PORTS)


def test_every_address_of_the_pod_is_listened_on():
    assert address(("IPv4",), 80)["socket_address"]["address"] == "0.0.0.0"
    assert address(("IPv6",), 80)["socket_address"]["address"] == "::"
    both = address(("IPv6", "IPv4"), 80)["socket_address"]
    assert both["ipv4_compat"] is True


def test_a_name_of_a_port_tells_nothing_of_who_means_it():
    ann = share("ann", ports=EVERY)
    assert made("http", ann)["name"] == made("http")["name"]
    assert replace(PORTS["http"], number=9).listen == PORTS["http"].listen
