import json

from tests.unit.rules.explaining import HTTP, WEB, facts, plain, share, why

from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Caller, Place
from ktconnect.rules.request import Request

MARKED = Request(headers=(("version", "ci"),))


def test_a_service_that_nobody_shares_leads_to_its_pods():
    said = explain(Request(), plain())
    assert (said.answer.by, said.answer.pods) == ("origin", ("web-1",))
    assert [hop.at for hop in said.hops] == ["caller", "port", "Service web"]
    assert said.served_by == ""


def test_a_marked_request_goes_to_the_marked_laptop_and_the_way_is_told():
    said = explain(MARKED, facts(share()))
    assert said.answer.by == "laptop"
    assert (said.answer.user, said.answer.mark) == ("ann@laptop", "ci")
    assert [hop.at for hop in said.hops] == [
        *("caller", "port", "Service web", "router", "Service web-kt-mesh-ci", "laptop")
    ]
    assert said.served_by == "ci"


def test_what_could_not_be_looked_at_is_a_note():
    said = explain(MARKED, facts(share(), unseen=("you may not list virtualservices",)))
    assert said.notes == ("you may not list virtualservices",)


def test_the_caller_and_the_port_are_said_in_words():
    caller = Caller("Pod front-1", "shop", {}, "istio")
    said = explain(Request(), plain(caller=caller))
    assert why(said, "caller") == "Pod front-1, with Istio's sidecar"
    assert why(said, "port") == "80 (http) of Service web is declared as HTTP"


def test_a_program_reads_the_same():
    document = explain(MARKED, facts(share())).document()
    assert json.loads(json.dumps(document))["answer"]["session"] == "kt-mesh-web-ci"
    assert document["servedBy"] == "ci"


def test_places_and_ports_are_told_by_name():
    assert str(HTTP) == "80 (http)"
    mixed = Place("web", "shop", (WEB, WEB.__class__("x", role="router")))
    assert mixed.role == ""
