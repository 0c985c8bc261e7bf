from datetime import UTC, datetime, timedelta

import pytest

from ktconnect.modes.birdseye_rows import (
    connector_rows,
    hidden,
    service_rows,
    sorted_rows,
    told_states,
)
from ktconnect.modes.birdseye_uses import uses_of
from ktconnect.objects.session import Session, lease, record_of
from ktconnect.sessions.shared_names import shared_session

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(name, mode, target="", *, ago=0, by="ann@laptop", namespace="shop", **more):
    session = Session(name, namespace, f"shadow-{mode}", by)
    config = {"mode": mode, "target": target, "ports": ["80"], **more}
    return record_of(lease(session, NOW - timedelta(seconds=ago), config))


def service(name, labels=None, notes=None, selector=None):
    metadata = {"name": name, "namespace": "shop"}
    return {
        "metadata": {**metadata, "labels": labels or {}, "annotations": notes or {}},
        "spec": {"selector": selector or {"app": name}},
    }


def shadow(name, role, user="bob", beat=0, config=""):
    """Of KT Connect 0.3."""
    heard = str(int((NOW - timedelta(seconds=beat)).timestamp()))
    notes = {"kt-user": user, "kt-last-heart-beat": heard, "kt-config": config}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"control-by": "kt", "kt-role": role},
            "annotations": notes,
            "creationTimestamp": "2026-01-01T11:00:00Z",
        }
    }


def rows(services, records=(), shadows=()):
    found = service_rows(services, uses_of(records, shadows, NOW), NOW)
    return {row["name"]: row["text"] for row in found}


def test_every_service_is_shown_with_who_takes_it():
    found = rows(
        [service("web"), service("api"), service("new", {"kt-role": "shadow-preview"})],
        [
            record("kt-exchange-web", "exchange", "service/web"),
            record("kt-preview-new", "preview", "service/new", by="bob@desk"),
            record("kt-connect-shadow-a", "connect"),
        ],
    )
    assert found == {
        "web": "exchanged by [ann@laptop]",
        "api": "normal",
        "new": "previewing by [bob@desk]",
    }


def test_a_target_that_is_no_service_has_a_row_of_its_own():
    found = rows([service("web")], [record("kt-x", "exchange", "deployment/web")])
    assert found == {"web": "normal", "deployment/web": "exchanged by [ann@laptop]"}


def test_services_in_front_of_a_workload_that_is_taken_are_so_too():
    scaled = record("kt-x", "exchange", "deployment/web", services=["web", "gone"])
    found = rows([service("web"), service("api")], [scaled])
    taken = "exchanged by [ann@laptop]"
    assert found == {"web": taken, "api": "normal", "deployment/web": taken}
    odd = record("kt-x", "exchange", "deployment/web", services=7)
    assert rows([service("web")], [odd])["web"] == "normal"
    elsewhere = record("kt-x", "exchange", "deployment/web", services=["web"], namespace="other")
    assert rows([service("web")], [elsewhere])["web"] == "normal"


@pytest.mark.parametrize("name", ["web-kt-origin", "web-kt-stuntman"])
def test_what_ktctl_made_for_itself_is_left_out(name):
    assert rows([service(name), service("m", {"control-by": "kt", "kt-role": "shadow-mesh"})]) == {}


ROUTER = record_of(
    lease(shared_session("web", "shop"), NOW, {"mode": "router", "target": "service/web"})
)


def meshing(who, driver="router", mode="mesh"):
    name, by = f"kt-{mode}-web.{who}", f"{who}@laptop"
    return record(name, mode, "service/web", by=by, mark=who, driver=driver)


def test_many_who_share_a_service_are_shown_by_what_they_do():
    records = [meshing("ann"), meshing("bob", "istio"), meshing("eve", "manual"), ROUTER]
    found = rows([service("web")], [*records, meshing("cid", mode="mirror")])
    assert found["web"] == (
        "meshed (auto) by [ann@laptop], [bob@laptop]; meshed (manual) by [eve@laptop]; "
        "mirrored by [cid@laptop]"
    )
    [row] = service_rows([service("web")], uses_of(records, [], NOW), NOW)
    assert row["status"] == "meshed (auto)"
    assert [(each["mark"], each["driver"]) for each in row["sessions"]] == [
        ("ann", "router"),
        ("bob", "istio"),
        ("eve", "manual"),
    ]


def test_what_they_share_is_shown_only_where_nobody_needs_it():
    assert rows([service("web")], [ROUTER]) == {"web": "shared by nobody who is there"}
    assert rows([service("api")], [ROUTER]) == {"api": "normal"}


def test_a_dead_laptop_is_shown_as_such_by_the_servers_clock():
    uses = uses_of([record("kt-exchange-web", "exchange", "service/web", ago=200)], [], NOW)
    [row] = service_rows([service("web")], uses, NOW)
    assert (row["state"], row["since"]) == ("silent for 3 min", "3 min")
    assert row["sessions"][0]["alive"] is False
    assert row["sessions"][0]["session"] == "kt-exchange-web"


def test_of_who_counts_as_alive_it_is_told_when_the_laptop_was_heard():
    records = [
        record("kt-mesh-web.a", "mesh", "service/web", ago=40),
        record("kt-mesh-web.b", "mesh", "service/web", ago=130),
    ]
    [row] = service_rows([service("web")], uses_of(records, [], NOW), NOW)
    assert row["state"] == "alive; silent for 2 min"
    assert told_states(row, NOW) == "alive, last heard 40 s ago; silent for 2 min"
    assert told_states({"sessions": [{"lastActive": None, "alive": False}]}, NOW) == "not known"


KEPT = {"kt-selector": '{"app": "web"}'}


@pytest.mark.parametrize(
    ("notes", "shadows", "text"),
    [
        (
            KEPT,
            [shadow("web-kt-exchange-abcde", "shadow-exchange", config="service=web")],
            "exchanged by [bob]",
        ),
        (
            KEPT,
            [
                shadow("web-kt-mesh-a", "shadow-mesh"),
                shadow("web-kt-mesh-b", "shadow-mesh", "cid"),
            ],
            "meshed (auto) by [bob], [cid]",
        ),
        ({}, [shadow("web-kt-mesh-a", "shadow-mesh")], "meshed (manual) by [bob]"),
        (KEPT, [], "taken with KT Connect by nobody who is there"),
    ],
)
def test_sessions_of_kt_connect_are_shown_in_its_words(notes, shadows, text):
    assert rows([service("web", notes=notes)], shadows=shadows) == {"web": text}


def test_a_service_led_to_a_shadow_that_is_gone_is_not_normal():
    led = service("web", selector={"kt-role": "shadow-exchange", "kt-target": "x"})
    assert rows([led]) == {"web": "led to a shadow of KT Connect that is gone"}


def test_a_scaled_workload_of_kt_connect_is_shown_as_what_it_took():
    scaled = shadow("web-kt-exchange-abcde", "shadow-exchange", config="app=web,replicas=2")
    assert rows([], shadows=[scaled]) == {"deployment/web": "exchanged by [bob]"}


def test_what_is_taken_comes_first_unless_names_are_asked_for():
    found = service_rows(
        [service("a"), service("b")],
        uses_of([record("kt-exchange-b", "exchange", "service/b")], [], NOW),
        NOW,
    )
    assert [row["name"] for row in sorted_rows(found, "status")] == ["b", "a"]
    assert [row["name"] for row in sorted_rows(found, "name")] == ["a", "b"]
    assert [row["name"] for row in hidden(found)] == ["b"]


def test_connectors_are_those_who_reach_in():
    uses = uses_of(
        [record("kt-connect-shadow-a", "connect", ago=130), record("kt-forward-a", "forward", "x")],
        [shadow("kt-connect-shadow-b", "shadow-connect", beat=60), shadow("r", "router")],
        NOW,
    )
    found = connector_rows(uses, NOW)
    assert [(each["user"], each["activity"], each["alive"]) for each in found] == [
        ("ann@laptop", "last active 2 min ago", False),
        ("ann@laptop", "last active 0 s ago", True),
        ("bob", "last active 60 s ago", True),
    ]


def test_one_that_never_beat_is_not_judged():
    silent = shadow("kt-connect-shadow-b", "shadow-connect")
    del silent["metadata"]["annotations"]["kt-last-heart-beat"]
    [found] = connector_rows(uses_of([], [silent], NOW), NOW)
    assert found["activity"] == "not known"
