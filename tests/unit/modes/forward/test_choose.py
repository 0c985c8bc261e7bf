import pytest

from ktconnect.modes.forward.choose import (
    Nowhere,
    choose,
    endpoint,
    is_headless,
    of_family,
    selector_of,
    selector_text,
)
from ktconnect.modes.forward.goal import Goal
from ktconnect.modes.forward.ports import Remote

POD, WEB = Goal("v1/Pod", "web-1"), Goal("apps/v1/Deployment", "web")


def pod(name, *, ready=True, phase="Running", going=False, ip="10.0.0.1"):
    metadata = {"name": name, **({"deletionTimestamp": "now"} if going else {})}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": metadata,
        "status": {"phase": phase, "podIP": ip, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("pods", "current", "goal", "chosen"),
    [
        ([], "", WEB, ""),
        ([pod("b"), pod("a")], "", WEB, "a"),
        ([pod("b"), pod("a")], "b", WEB, "b"),
        ([pod("b", ready=False), pod("a")], "b", WEB, "a"),
        ([pod("b", going=True), pod("a")], "b", WEB, "a"),
        ([pod("b", ready=False)], "", WEB, "b"),
        ([pod("b", phase="Pending")], "", WEB, ""),
        ([pod("b", ip="")], "", WEB, ""),
        ([pod("web-1"), pod("a")], "a", POD, "web-1"),
        ([pod("web-1", going=True), pod("a")], "web-1", POD, "a"),
        ([pod("web-1", ready=False)], "", POD, "web-1"),
    ],
)
def test_the_named_pod_comes_first_then_the_present_one_then_a_ready_one(
    pods, current, goal, chosen
):
    assert choose(pods, current, goal) == chosen


def test_a_controlled_pod_may_be_replaced_by_its_like():
    labels = {"app": "web", "pod-template-hash": "abc", "tier": "front"}
    owned = {"metadata": {"labels": labels, "ownerReferences": [{"controller": True}]}}
    assert selector_of(owned) == {"app": "web", "tier": "front"}
    assert selector_of({"metadata": {"labels": labels}}) == {}
    assert selector_text({"b": "2", "a": "1"}) == "a=1,b=2"


def test_a_service_without_an_address_of_its_own_is_headless():
    assert is_headless({"spec": {"clusterIP": "None"}})
    assert not is_headless({"spec": {"clusterIP": "10.0.0.1"}})
    assert not is_headless({"spec": {"type": "ExternalName"}})


SLICE = {
    "ports": [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}],
    "endpoints": [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": True}},
        {"addresses": ["fd00::2"]},
    ],
}


def test_an_endpoint_is_one_that_is_ready():
    http = Remote("tcp", 80, 80, "http")
    assert str(endpoint(WEB, [SLICE], http, 0)) == "tcp:10.0.0.2:8080"
    assert str(endpoint(WEB, [SLICE], http, 6)) == "tcp:[fd00::2]:8080"
    assert str(endpoint(WEB, [SLICE], Remote("udp", 53, 53, "dns"), 4)) == "udp:10.0.0.2:53"
    for slices, remote in (([], http), ([SLICE], Remote("tcp", 53, 53, "dns"))):
        with pytest.raises(Nowhere, match="no Pod that is ready"):
            endpoint(WEB, slices, remote, 0)


def test_an_address_of_the_wrong_family_is_none():
    assert of_family(["fd00::1", "10.0.0.1"], 4) == "10.0.0.1"
    with pytest.raises(Nowhere, match="no IPv6 address among 10"):
        of_family(["10.0.0.1"], 6)
