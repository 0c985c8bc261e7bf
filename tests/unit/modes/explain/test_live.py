from dataclasses import replace

import pytest
from tests.unit.rules.explaining import facts, plain, share

from ktconnect.errors import UsageError
from ktconnect.modes.explain.live import (
    Outcome,
    address_for,
    check_sendable,
    compared,
    outcome_of,
    request_to,
)
from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Place, Port
from ktconnect.rules.request import Request
from ktconnect.traffic.exchange import Answer, Body

CI = Request(headers=(("version", "ci"),))
MARKED = explain(CI, facts(share()))
PLAIN = explain(CI, plain())
DEAD = explain(CI, facts(share(), dead=("ci",)))
LATE = replace(MARKED, answer=replace(MARKED.answer, late=True))
LED = (
    "led as explained, to the laptop of ann@laptop (x-kt-served-by: ci); if that laptop is away, "
    "its agent passed it on to the original Pods; it was last heard 40 s ago"
)
NOBODY = explain(CI, plain(service=Place("web", "shop")))


@pytest.mark.parametrize(
    ("said", "outcome", "fits", "words"),
    [
        (MARKED, Outcome("t", 200, "ci"), True, LED),
        (LATE, Outcome("t", 200, "ci"), None, "last heard 40 s ago, which is long"),
        (MARKED, Outcome("t", 200, "origin"), False, "origin, expected was ci"),
        (MARKED, Outcome("t", 200), False, "x-kt-served-by is missing, expected was ci"),
        (MARKED, Outcome("t", failure="reset"), False, "though a laptop was expected to"),
        (PLAIN, Outcome("t", 200), None, "does not say who gave it"),
        (PLAIN, Outcome("t", 200, "ci"), False, "ci, expected was none"),
        (NOBODY, Outcome("t", failure="refused"), True, "as explained: nobody answers"),
        (NOBODY, Outcome("t", 200), False, "though nobody was expected to"),
        (NOBODY, Outcome("t", 500), None, "a program or a proxy"),
        (MARKED, Outcome("t", 503), False, "nobody answered, though a laptop was expected to"),
        (MARKED, Outcome("t", 500, "ci"), True, LED),
        (DEAD, Outcome("t", 200, "ci"), True, "whom the request was led to, whose agent passes it"),
        (DEAD, Outcome("t", 200, "origin"), False, "origin, expected was ci"),
    ],
)
def test_what_came_is_held_against_what_was_expected(said, outcome, fits, words):
    found = compared(said, outcome)
    assert found.as_explained is fits
    assert words in found.says


def test_where_nobody_is_behind_an_agent_it_is_not_said_that_somebody_is():
    alone = replace(MARKED, answer=replace(MARKED.answer, otherwise="", heard=""))
    says = compared(alone, Outcome("t", 200, "ci")).says
    assert says == "as explained: x-kt-served-by: ci"


def test_an_answer_says_who_gave_it():
    found = outcome_of(Answer(200, (("X-Kt-Served-By", "ci"),)), "t", 0.25)
    assert (found.served_by, found.seconds) == ("ci", 0.25)
    assert found.document()["servedBy"] == "ci"
    assert found.document()["headers"] == [["X-Kt-Served-By", "ci"]]


def test_the_request_carries_a_host_and_the_mark_of_its_trace():
    sent = request_to(CI, facts(share()), "abc")
    assert sent.headers == (("Host", "web.shop"), ("version", "ci"), ("x-kt-trace", "abc"))
    assert request_to(Request(host="shop.io"), plain(), "t").headers[0] == ("Host", "shop.io")


def test_grpc_can_not_be_sent():
    with pytest.raises(UsageError, match="no gRPC server"):
        check_sendable(Request(path="/a.B/C", headers=(("content-type", "application/grpc"),)))
    check_sendable(CI)


def test_it_is_sent_to_the_services_address():
    web = {"spec": {"clusterIP": "10.96.0.7"}}
    assert address_for(web, plain()) == "10.96.0.7:80"
    with pytest.raises(UsageError, match="no address"):
        address_for({"spec": {"clusterIP": "None"}}, plain())
    with pytest.raises(UsageError, match="is UDP"):
        address_for(web, plain(port=Port(53, "dns", "udp")))


@pytest.mark.parametrize("served_by", [(), (("x-kt-served-by", "ci"),)])
def test_what_a_router_says_itself_is_nobodys_answer(served_by):
    told = b"upstream connect error or disconnect/reset before headers. reset reason: overflow"
    found = outcome_of(Answer(503, served_by, Body.whole(told)), "t", 0.1)
    assert found.document()["noProgram"] == told.decode()
    for said in (MARKED, DEAD, PLAIN):
        assert compared(said, found).as_explained is False
        assert "though" in compared(said, found).says
        assert "reset reason: overflow" in compared(said, found).says
    assert compared(NOBODY, found).as_explained is True


def test_a_program_may_fail_by_itself():
    for status, text in ((200, b"no healthy upstream"), (503, b"I am tired"), (500, b"")):
        assert outcome_of(Answer(status, (), Body.whole(text)), "t", 0.1).no_program == ""
