"""Where requests can go."""

from dataclasses import replace

import pytest
from tests.unit.rules.test_envoy_parts import read
from tests.unit.rules.test_order import share

from ktconnect.rules.envoy_clusters import (
    clusters_text,
    grpc_cluster,
    origin_cluster,
    passed_cluster,
    share_cluster,
)
from ktconnect.rules.plan import RoutedPort, RoutePlan

HTTP, TLS, UDP = (
    RoutedPort(80, 8080, "http"),
    RoutedPort(443, 8443, "tls"),
    RoutedPort(53, 53, "udp"),
)
PODS = "web-kt-origin-pods.shop.svc.cluster.local."
ANN = share("ann", address="10.96.0.7")
PLAN = RoutePlan("shop", "web", (HTTP, TLS, UDP), (ANN,), "10.96.0.9", PODS)


def clusters(plan):
    return {each["name"]: each for each in read(clusters_text(plan, "1"))["resources"]}


def ways(cluster):
    """(host, port, what it says of itself) by priority."""
    found = []
    for number, each in enumerate(cluster["load_assignment"]["endpoints"]):
        assert each.get("priority", 0) == number
        [endpoint] = each["lb_endpoints"]
        address = endpoint["endpoint"]["address"]["socket_address"]
        says = endpoint.get("metadata", {}).get("filter_metadata", {}).get("kt", {})
        found.append((address["address"], address["port_value"], says))
    return found


def test_a_session_falls_to_the_origin_and_the_origins_pods_to_its_address():
    found = clusters(PLAN)
    origin = ("10.96.0.9", 80, {"by": "origin"})
    laptop = {"by": "ann", "cache": "no-store"}
    assert ways(found[share_cluster(ANN, HTTP)]) == [("10.96.0.7", 80, laptop), origin]
    assert ways(found[origin_cluster(HTTP)]) == [(PODS, 8080, {"by": "origin"}), origin]
    assert found[origin_cluster(HTTP)]["cluster_type"]["name"] == "envoy.clusters.dns"


def test_what_is_passed_on_goes_to_the_cluster_ip():
    found = clusters(PLAN)
    for port in (HTTP, TLS, UDP):
        assert ways(found[passed_cluster(port)]) == [("10.96.0.9", port.number, {})]
    assert set(found) == {
        *map(passed_cluster, (HTTP, TLS, UDP)),
        origin_cluster(HTTP),
        share_cluster(ANN, HTTP),
    }


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, origin_host=""),
        replace(PLAN, ports=(replace(HTTP, uniform=False),)),
    ],
)
def test_without_a_name_or_one_number_for_all_pods_the_cluster_ip_serves(plan):
    origin = clusters(plan)[origin_cluster(HTTP)]
    assert ways(origin) == [("10.96.0.9", 80, {"by": "origin"})]
    assert origin["type"] == "STATIC"


@pytest.mark.parametrize(
    ("cluster", "protocol"),
    [(share_cluster, "http_protocol_options"), (grpc_cluster, "http2_protocol_options")],
)
def test_a_copy_goes_to_the_laptop_or_nowhere_and_has_an_end(cluster, protocol):
    mirror = share("m", "path:/", kind="mirror", address="10.96.0.8")
    found = clusters(replace(PLAN, shares=(mirror,)))[cluster(mirror, HTTP)]
    assert ways(found) == [("10.96.0.8", 80, {})]
    [options] = found["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"]["max_stream_duration"] == "600s"
    assert [*options["explicit_http_config"]] == [protocol]
    assert found["circuit_breakers"]["thresholds"][0]["max_retries"] == 0


def test_where_http_2_is_declared_all_copies_are():
    mirror, port = share("m", "path:/", kind="mirror"), replace(HTTP, http2=True)
    found = clusters(replace(PLAN, ports=(port,), shares=(mirror,)))
    for name in (share_cluster(mirror, port), grpc_cluster(mirror, port)):
        [options] = found[name]["typed_extension_protocol_options"].values()
        assert [*options["explicit_http_config"]] == ["http2_protocol_options"]


def test_the_port_of_a_session_is_the_one_that_it_has():
    both = (HTTP, replace(HTTP, number=81))
    found = clusters(replace(PLAN, ports=both, shares=(replace(ANN, ports=(81,)),)))
    assert ways(found[share_cluster(ANN, HTTP)])[0][:2] == ("10.96.0.7", 81)


def test_nobody_is_put_aside_for_an_answer():
    tls = share("ann", "sni:ann.test", ports=(443,))
    found = clusters(replace(PLAN, shares=(ANN, tls)))
    assert "outlier_detection" not in found[share_cluster(ANN, HTTP)]
    aside = found[share_cluster(tls, TLS)]["outlier_detection"]
    assert aside["enforcing_consecutive_5xx"] == 0
    assert "typed_extension_protocol_options" not in found[share_cluster(tls, TLS)]


@pytest.mark.parametrize(
    ("families", "word"),
    [
        (("IPv4",), "V4_ONLY"),
        (("IPv6",), "V6_ONLY"),
        (("IPv4", "IPv6"), "V4_PREFERRED"),
        (("IPv6", "IPv4"), "AUTO"),
    ],
)
def test_the_services_families_are_those_that_are_asked_for(families, word):
    origin = clusters(replace(PLAN, families=families))[origin_cluster(HTTP)]
    assert origin["cluster_type"]["typed_config"]["dns_lookup_family"] == word
