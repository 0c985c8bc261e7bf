from typing import Any

import pytest

from ktconnect.objects.port_numbers import known_numbers, protocol_of


@pytest.mark.parametrize(
    ("port", "protocol"), [({}, "tcp"), ({"protocol": None}, "tcp"), ({"protocol": "UDP"}, "udp")]
)
def test_a_port_is_tcp_unless_it_says_otherwise(port, protocol):
    assert protocol_of(port) == protocol


def pod(*ports):
    return {"spec": {"containers": [{"ports": list(ports)}]}}


def test_the_first_pod_and_the_first_slice_that_know_a_name_tell_its_number():
    pods = [
        pod({"containerPort": 1, "name": "other"}, {"containerPort": 8080, "name": "http"}),
        pod({"containerPort": 8081, "name": "http"}),
        pod({"containerPort": 53, "name": "dns", "protocol": "UDP"}),
    ]
    slices: list[dict[str, Any]] = [{"ports": [{"name": "web", "port": 9090}]}, {"ports": None}]
    assert known_numbers(slices, pods) == {
        ("tcp", "other"): 1,
        ("tcp", "http"): 8080,
        ("udp", "dns"): 53,
        ("tcp", "=web"): 9090,
    }
