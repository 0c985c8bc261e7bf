from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.modes.explain.seeing import MOMENT, objects, pod, seen, service, slice_of

from ktconnect.errors import UsageError
from ktconnect.modes.explain.facts import facts_of
from ktconnect.modes.explain.seen import Seen
from ktconnect.objects.session import Record, label_value
from ktconnect.wire.spec import AgentSpec, Listen

WEB = service("web", {"app": "web"})


def facts(*found, port="", **fields):
    return facts_of(seen(*found, **fields), port, "")


RECORD = Record(
    name="kt-mesh-web-ci",
    namespace="shop",
    uid="u",
    version="1",
    role="shadow-mesh",
    holder="ann@laptop",
    config={"mode": "mesh", "agent": "a"},
    journal=(),
    taken_by="",
    since=MOMENT,
    renewed=MOMENT,
    duration=timedelta(seconds=60),
)


def test_a_shared_service_is_read_with_its_router_session_and_origin():
    *rest, router = objects()
    found = facts(*rest, router=router, records=[RECORD])
    assert found.service.role == "router"
    assert [share.mark for share in found.shares] == ["ci"]
    assert found.origin == "web-kt-origin"
    assert found.known == {"web-kt-mesh-ci"}
    assert found.laptops["a"].user == "ann@laptop"
    assert found.laptops["a"].alive


def test_a_target_may_be_a_shortened_name():
    long = "w" * 64  # a label's value has 63 characters at most
    mine = next(each for each in objects() if each["metadata"]["name"] == "web-kt-mesh-ci")
    mine["metadata"]["labels"]["kt-target"] = label_value(long)
    web = service(long, {"app": "web"})
    found = facts_of(Seen(web, MOMENT, [web, mine]), "", "")
    assert [share.mark for share in found.shares] == ["ci"]


def test_a_session_that_is_silent_is_told_since_when():
    renewed = MOMENT - timedelta(minutes=3)
    laptop = facts(WEB, records=[replace(RECORD, renewed=renewed)]).laptops["a"]
    assert (laptop.alive, laptop.heard) == (False, "3 min")
    renewed = MOMENT - timedelta(seconds=31)
    late = facts(WEB, records=[replace(RECORD, renewed=renewed)]).laptops["a"]
    assert (late.alive, late.late) == (True, True)
    assert not facts(WEB, records=[RECORD]).laptops["a"].late
    never = facts(WEB, records=[replace(RECORD, renewed=None, config={})]).laptops["kt-mesh-web-ci"]
    assert never.heard == "an unknown time"


def test_what_the_router_does_not_speak_of_is_not_known():
    *rest, router = objects()
    router = {**router, "data": {"rds.json": '"web-kt-mesh-ci2" "10.96.0.91"'}}
    assert facts(*rest, router=router).known == frozenset()
    router = {**router, "data": {"cds.json": '"10.96.0.9"'}}
    assert facts(*rest, router=router).known == {"web-kt-mesh-ci"}
    assert facts(*rest).known is None


@pytest.mark.parametrize(("wanted", "number"), [("", 80), ("81", 81), ("admin", 81)])
def test_a_port_is_found_by_number_or_name(wanted, number):
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "http", "port": 80, "targetPort": "http"},
        {"name": "admin", "port": 81, "targetPort": 8081},
    ]
    found = facts(service("web", ports=ports), slice_of("web"), port=wanted)
    assert found.port.number == number
    assert found.port.pod == {80: 8080, 81: 8081}[number]


def test_a_call_of_grpc_takes_the_port_that_is_declared_to_speak_it():
    http = {"name": "http", "port": 80}
    for calls in ({"name": "grpc-cart", "port": 81}, {"port": 81, "appProtocol": "grpc"}):
        found = seen(service("web", ports=[http, calls]))
        assert facts_of(found, "", "", grpc=True).port.number == 81
        assert facts_of(found, "", "").port.number == 80
        assert facts_of(found, "80", "", grpc=True).port.number == 80
    assert facts_of(seen(service("web", ports=[http])), "", "", grpc=True).port.number == 80


def test_ports_that_lead_to_the_same_are_known():
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "web", "port": 8080},
        {"name": "udp", "port": 8080, "protocol": "UDP"},
    ]
    assert facts(service("web", ports=ports)).port.beside == (8080,)


def test_a_port_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no port 99"):
        facts(WEB, port="99")
    with pytest.raises(UsageError, match="has no ports"):
        facts(service("web", ports=[]))


def test_without_slices_the_selector_tells_who_is_behind():
    leaving = pod("web-2", {"app": "web"}, deletionTimestamp="2026-01-01T00:00:00Z")
    found = facts(WEB, pod("web-1", {"app": "web"}), leaving, pod("x", {"app": "x"}))
    assert [each.pod for each in found.service.endpoints] == ["web-1"]


def test_pods_that_may_not_be_seen_are_known_by_name():
    found = facts(WEB, slice_of("web", "web-1", "web-1", ready=False))
    [endpoint] = found.service.endpoints
    assert (endpoint.pod, endpoint.ready, endpoint.role) == ("web-1", False, "")


def test_an_agents_orders_tell_which_ports_it_passes_on():
    listens = (Listen("tcp", 8080, "10.0.0.1:80"), Listen("tcp", 8081, "10.0.0.1:81", False))
    orders = AgentSpec("0" * 64, listens=listens).to_argv()
    agent = pod("agent-1", {"kt-session": "a"}, containers=("standalone",), args=orders)
    other = pod("agent-2", {"kt-session": "b"}, containers=("standalone",), args=("-x",))
    found = facts(WEB, slice_of("web", "agent-1", "agent-2"), agent, other)
    passes = [each.passes for each in found.service.endpoints]
    assert passes == [frozenset({("tcp", 8081)}), frozenset()]


def test_shadows_of_kt_connect_are_known_by_their_heart_beat():
    labels = {"control-by": "kt", "kt-role": "shadow-exchange"}
    beat = str(int(MOMENT.timestamp()))
    notes = {"kt-user": "bob", "kt-last-heart-beat": beat}
    shadow = pod("web-kt-exchange-x", labels, annotations=notes)
    found = facts(WEB, slice_of("web", "web-kt-exchange-x"), shadow)
    [endpoint] = found.service.endpoints
    assert endpoint.old
    laptop = found.laptops[endpoint.agent]
    assert (laptop.user, laptop.alive) == ("bob", True)
    assert laptop.mode == "exchange of KT Connect 0.3"


def test_the_origin_of_kt_connect_has_another_name():
    stuntman = service("web-kt-stuntman", {"app": "web"})
    assert facts(WEB, stuntman).origin == "web-kt-stuntman"
    assert facts(WEB).origin == "web"
