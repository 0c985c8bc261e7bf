from tests.unit.rules.explaining import ORIGIN, WEB, facts, share

from ktconnect.rules.explain_facts import Endpoint, Place, Port, Walk
from ktconnect.rules.request import Request


def test_ports_without_a_name_are_numbers():
    assert str(Port(80)) == "80"
    assert str(Port(80, "http")) == "80 (http)"


def test_only_ready_pods_are_led_to_and_all_of_them_have_a_role():
    down = Endpoint("web-2", ready=False)
    place = Place("web", "shop", (WEB, down, Endpoint("a", role="router")))
    assert [each.pod for each in place.ready] == ["web-1", "a"]
    assert place.role == ""
    assert Place("web", "shop", (Endpoint("a", ready=False, role="router"),)).role == "router"


def test_an_agent_passes_on_the_ports_that_nobody_asked_for():
    agent = Endpoint("a", passes=frozenset({("tcp", 8081), ("udp", 8080)}))
    assert agent.takes(Port(80, pod=8080))
    assert not agent.takes(Port(81, pod=8081))
    assert not agent.takes(Port(80, app="udp", pod=8080))


def test_shares_are_those_of_this_service():
    found = facts(share("ci"), places=[Place("x", "shop", share=share("other"), of="api")])
    assert [each.mark for each in found.shares] == ["ci"]


def test_a_walk_remembers_what_was_said():
    walk = Walk(Request(), facts())
    walk.say("router", "leads on", "because", fine=False)
    assert walk.hops[0].why == ("because",)
    assert not walk.hops[0].fine
    assert str(ORIGIN) == "Service web-kt-origin"
