import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.forward.goal import parse_goals
from ktconnect.modes.forward.ports import (
    Remote,
    number_in,
    ports_of_host,
    ports_of_pods,
    ports_of_service,
)

HTTP = {"name": "http", "port": 80, "targetPort": 8080}
DNS = [
    {"name": "dns", "port": 53, "protocol": "UDP"},
    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
]


def of_service(text, *ports):
    [goal] = parse_goals(["web", *text.split()])
    found = ports_of_service(goal, {"spec": {"ports": list(ports)}})
    return [(each.protocol, each.number, each.local) for each in found]


def pod(*ports):
    return {"spec": {"containers": [{"ports": list(ports)}, {}]}}


def of_pods(text, *ports):
    [goal] = parse_goals(["pod/web-1", *text.split()])
    return ports_of_pods(goal, [pod(*ports)])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("tcp", 80, 80)]),
        ("80", [("tcp", 80, 80)]),
        ("8081:80", [("tcp", 80, 8081)]),
        (":http", [("tcp", 80, 0)]),
        ("http", [("tcp", 80, 80)]),
        ("8080", [("tcp", 80, 8080)]),  # its target port, as the originals take it
        ("9000", [("tcp", 80, 9000)]),  # a local port alone, as `ktctl forward` 0.3 took it
    ],
)
def test_a_services_port_is_found_by_number_name_and_target_port(text, found):
    assert of_service(text, HTTP) == found


def test_of_a_number_that_is_both_both_are_meant():
    assert of_service("5353:53", *DNS) == [("tcp", 53, 5353), ("udp", 53, 5353)]
    assert of_service("53/udp", *DNS) == [("udp", 53, 53)]
    assert of_service("", *DNS) == [("udp", 53, 53), ("tcp", 53, 53)]


@pytest.mark.parametrize("text", ["81", "8081:81", "web", "80/udp"])
def test_a_port_that_a_service_does_not_have_is_answered_with_those_that_it_has(text):
    with pytest.raises(UsageError) as caught:
        of_service(text, HTTP, {"port": 443})
    assert caught.value.hint == "it has 80 (http), 443"


def test_a_service_without_ports_is_refused():
    with pytest.raises(UsageError, match="says of no port"):
        of_service("")


def test_a_pods_port_may_be_any_number_or_a_name():
    assert of_pods("8081:9999") == (Remote("tcp", 9999, 8081),)
    named = {"name": "http", "containerPort": 8080}
    assert of_pods(":http", named) == (Remote("tcp", 8080, 0, "http"),)
    udp = {"name": "dns", "containerPort": 53, "protocol": "UDP"}
    assert of_pods("dns", named, udp) == (Remote("udp", 53, 53, "dns"),)
    both = of_pods("", named, udp)
    assert [str(each) for each in both] == ["8080", "53/udp"]


def test_a_name_that_no_container_has_is_refused():
    with pytest.raises(UsageError) as caught:
        of_pods("web", {"name": "http", "containerPort": 1})
    assert caught.value.hint == "it has http"
    with pytest.raises(UsageError) as caught:
        of_pods("web", {"containerPort": 1})
    assert "has a name" in caught.value.hint
    with pytest.raises(UsageError, match="says of no port"):
        of_pods("")


def test_a_named_port_is_each_pods_own_affair():
    other = pod({"name": "http", "containerPort": 9090})
    assert number_in(other, Remote("tcp", 8080, 1, "http")) == 9090
    assert number_in(other, Remote("udp", 8080, 1, "http")) == 0
    assert number_in(other, Remote("tcp", 8080, 1)) == 8080


def test_ports_of_a_host_are_as_they_were_said():
    [goal] = parse_goals(["1:db.corp:2/udp"])
    assert ports_of_host(goal) == (Remote("udp", 2, 1),)
