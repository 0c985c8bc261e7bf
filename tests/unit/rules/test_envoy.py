"""The router's files, all together. What Envoy makes of them is tried in tests/netns."""

import json
import time
from dataclasses import replace

import pytest
from tests.unit.rules.test_order import share

from ktconnect.rules.envoy import (
    BOOTSTRAP,
    CLUSTERS,
    LISTENERS,
    admin_port,
    bootstrap,
    in_force,
    origin_address_of,
    ready_port,
    rejected,
    revision_of,
    router_args,
    router_files,
)
from ktconnect.rules.plan import RoutedPort, RoutePlan
from ktconnect.rules.re2 import MOST_INSTRUCTIONS

PLAN = RoutePlan(
    "shop",
    "web",
    (RoutedPort(80, 8080, "http"), RoutedPort(443, 8443, "tls"), RoutedPort(3306, 3306, "tcp")),
    (share("ann"), share("bob", since="2026-02")),
    "10.96.0.9",
    "web-kt-origin-pods.shop.svc.cluster.local.",
)


def test_whoever_lists_the_same_writes_the_same():
    backwards = replace(PLAN, shares=PLAN.shares[::-1])
    assert router_files(PLAN) == router_files(backwards)


def test_a_revision_is_named_in_every_file_that_is_followed():
    files = router_files(PLAN)
    assert set(files) == {BOOTSTRAP, CLUSTERS, LISTENERS, "rds-80.json"}
    revision = revision_of(files)
    assert len(revision) == 12
    for name in (CLUSTERS, LISTENERS, "rds-80.json"):
        assert f'"version_info":"{revision}"' in files[name]


def test_the_origins_address_is_read_off_the_files():
    """Whoever has not seen the origin knows it from the others' files."""
    assert origin_address_of(router_files(PLAN)) == "10.96.0.9"
    assert origin_address_of(router_files(replace(PLAN, shares=()))) == "10.96.0.9"
    assert origin_address_of({}) == ""
    assert origin_address_of({CLUSTERS: "nonsense"}) == ""


def test_no_file_is_new_when_a_port_is_meant_for_the_first_time():
    more = replace(PLAN, ports=(*PLAN.ports, RoutedPort(81, 8081, "unknown")))
    meant = replace(more, shares=(share("ann", ports=(80, 81)),))
    assert set(router_files(replace(more, shares=()))) == set(router_files(meant))
    assert {"rds-80.json", "rds-81.json"} < set(router_files(meant))


def test_who_comes_or_leaves_changes_the_revision_and_no_listener():
    before, after = router_files(PLAN), router_files(replace(PLAN, shares=PLAN.shares[:1]))
    assert revision_of(before) != revision_of(after)
    assert before[BOOTSTRAP] == after[BOOTSTRAP]
    assert json.loads(before[LISTENERS])["resources"] == json.loads(after[LISTENERS])["resources"]


def test_who_leaves_keeps_a_cluster_and_loses_the_routes():
    files = router_files(replace(PLAN, shares=(share("ann", leaving=True),)))
    assert "web-kt-mesh-ann|80" in files[CLUSTERS]
    assert "web-kt-mesh-ann" not in files["rds-80.json"]


def stats(revision, *, without=""):
    names = ("cluster_manager.cds", "listener_manager.lds", "http.port-80.rds.port-80")
    told = [{"name": f"{n}.version_text", "value": revision} for n in names if n != without]
    return {"stats": [*told, {"name": "cluster_manager.cds.update_rejected", "value": 0}]}


def test_a_revision_is_in_force_when_every_part_of_it_is():
    assert in_force(stats("abc"), PLAN, "abc")
    assert not in_force(stats("abc"), PLAN, "abd")
    assert not in_force(stats("abc", without="http.port-80.rds.port-80"), PLAN, "abc")
    assert in_force(
        stats("abc", without="http.port-80.rds.port-80"), replace(PLAN, shares=()), "abc"
    )


def test_what_envoy_refused_is_told():
    assert rejected(stats("abc")) == ()
    refused = {"stats": [{"name": "listener_manager.lds.update_rejected", "value": 2}]}
    assert rejected(refused) == ("listener_manager.lds",)


def test_its_own_ports_give_way_to_the_services():
    assert (admin_port(PLAN), ready_port(PLAN)) == (19900, 19901)
    taken = replace(PLAN, ports=(RoutedPort(80, 19900), RoutedPort(81, 19902)))
    assert (admin_port(taken), ready_port(taken)) == (19901, 19903)


def test_only_a_port_forward_reaches_the_admin_interface():
    told = bootstrap(PLAN)["admin"]["address"]["socket_address"]
    assert (told["address"], told["port_value"]) == ("127.0.0.1", 19900)


def test_patterns_of_more_than_a_hundred_instructions_are_read():
    (layer,) = bootstrap(PLAN)["layered_runtime"]["layers"]
    assert layer["static_layer"]["re2"]["max_program_size"]["error_level"] > MOST_INSTRUCTIONS


def test_the_arguments_name_the_first_file():
    args = router_args("/there", threads=3)
    assert args[:4] == ["--config-path", "/there/bootstrap.json", "--concurrency", "3"]


@pytest.mark.timeout(60)
def test_a_thousand_sessions_fit_into_one_config_map():
    shares = tuple(
        share(f"u{n}", address=f"10.96.{n // 250}.{n % 250 + 1}", since=f"2026-{n:04}")
        for n in range(1000)
    )
    began = time.process_time()
    files = router_files(replace(PLAN, shares=shares))
    assert time.process_time() - began < 5
    assert sum(map(len, files.values())) < 900_000
