from typing import Any

import pytest

from ktconnect.dns.hosts import Entry, hosts_entries


def service(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def pod(name: str, ip: str | None, *, ready: bool = True, app: str = "db") -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"conditions": conditions} | ({"podIP": ip} if ip else {})
    meta = {"name": name, "namespace": "shop", "labels": {"app": app}}
    return {"metadata": meta, "status": status}


def entries(services: list[Any], pods: list[Any] | None = None) -> list[Entry]:
    return hosts_entries(services, pods or [], "shop", ["shop", "dev"], "cluster.local")


def test_a_service_of_the_own_namespace_has_its_short_name_too():
    assert entries([service("web", clusterIP="10.0.0.1")]) == [
        ("10.0.0.1", ("web", "web.shop", "web.shop.svc.cluster.local"))
    ]


def test_a_service_of_another_namespace_has_not():
    assert entries([service("web", "dev", clusterIP="10.0.0.1")]) == [
        ("10.0.0.1", ("web.dev", "web.dev.svc.cluster.local"))
    ]


def test_namespaces_not_asked_for_are_left_out_and_the_rest_is_sorted():
    found = entries(
        [
            service("b", clusterIP="10.0.0.2"),
            service("a", clusterIP="10.0.0.1"),
            service("c", "else", clusterIP="10.0.0.3"),
        ]
    )
    assert [address for address, _ in found] == ["10.0.0.1", "10.0.0.2"]


def test_a_dual_stack_service_has_a_line_for_each_address():
    found = entries([service("web", clusterIP="10.0.0.1", clusterIPs=["10.0.0.1", "fd00::1"])])
    assert [address for address, _ in found] == ["10.0.0.1", "fd00::1"]


def test_a_headless_service_is_its_first_ready_pod():
    db = service("db", clusterIP="None", selector={"app": "db"})
    pods = [
        pod("db-2", "10.1.0.3"),
        pod("db-1", "10.1.0.2"),
        pod("db-0", "10.1.0.1", ready=False),
        pod("db-00", None),
        pod("aa", "10.1.0.9", app="else"),
    ]
    assert [address for address, _ in entries([db], pods)] == ["10.1.0.2"]


def test_what_has_no_address_is_left_out():
    assert entries([service("out", type="ExternalName")]) == []
    assert entries([service("db", clusterIP="None", selector={"app": "db"})]) == []
    assert entries([service("db", clusterIP="None")], [pod("db-0", "10.1.0.1")]) == []
    bare = {"metadata": {"name": "db-0", "namespace": "shop"}}
    assert entries([service("db", clusterIP="None", selector={"app": "db"})], [bare]) == []


@pytest.mark.parametrize(
    ("version", "addresses"),
    [
        (0, ["10.1.0.1", "10.0.0.1", "fd00::1"]),
        (4, ["10.1.0.1", "10.0.0.1"]),
        (6, ["fd01::1", "fd00::1"]),
    ],
)
def test_one_family_alone_can_be_asked_for(version, addresses):
    web = service("web", clusterIP="10.0.0.1", clusterIPs=["10.0.0.1", "fd00::1"])
    db = service("db", clusterIP="None", selector={"app": "db"})
    dual = pod("db-0", "10.1.0.1")
    dual["status"]["podIPs"] = [{"ip": "10.1.0.1"}, {"ip": "fd01::1"}]
    found = hosts_entries([web, db], [dual], "shop", ["shop"], "cluster.local", version)
    assert [address for address, _ in found] == addresses


def test_a_headless_service_of_the_other_family_has_no_line():
    db = service("db", clusterIP="None", selector={"app": "db"})
    found = hosts_entries([db], [pod("db-0", "10.1.0.1")], "shop", ["shop"], "cluster.local", 6)
    assert found == []
