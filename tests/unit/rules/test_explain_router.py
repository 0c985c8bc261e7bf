from dataclasses import replace

import pytest
from tests.unit.rules.explaining import facts, share, why

from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Port
from ktconnect.rules.model import Condition, Match
from ktconnect.rules.request import Request

CI = Request(headers=(("version", "ci"),))
TLS = Request(host="shop.io", tls=True)


def asked(request, *shares, **fields):
    return explain(request, facts(*shares, **fields))


def test_unmarked_requests_go_to_the_origin_and_each_miss_is_told():
    said = asked(Request(headers=(("version", "CI"),)), share("ci"), share("qa", user="bob@pc"))
    assert said.answer.by == "origin"
    assert said.served_by == "origin"
    told = why(said, "router")
    assert "ci of ann@laptop does not match: header VERSION is 'CI', the rule wants 'ci'" in told
    assert "qa of bob@pc does not match" in told


def test_the_nearest_of_a_sessions_alternatives_is_told():
    mine = share("ci", "header:a=1,header:b=2", "path:/api")
    told = why(asked(Request(), mine), "router")
    assert "path is '/', the rule wants one that begins with '/api'" in told
    assert "header A" not in told


def test_of_two_that_match_the_more_specific_is_asked_first_and_that_is_told():
    plain, narrow = share("ci"), share("qa", "header:version=ci,method=GET", user="bob@pc")
    said = asked(CI, plain, narrow)
    assert said.answer.mark == "qa"
    told = why(said, "router")
    assert "qa of bob@pc wants header VERSION is 'ci' and method is 'GET'" in told
    assert "ci of ann@laptop matches too" in told
    assert "it has more conditions" in told


def test_of_two_alike_the_older_is_asked_first():
    young = share("qa", "header:version=ci", since="2026-02-01T00:00:00Z")
    said = asked(CI, young, share("ci"))
    assert said.answer.mark == "ci"
    assert "it was there first" in why(said, "router")


@pytest.mark.parametrize(
    ("app", "told"),
    [
        ("udp", "UDP, which has no marks"),
        ("tcp", "is not HTTP"),
        ("tls", "is TLS, and the request is not"),
    ],
)
def test_a_port_without_http_is_passed_on(app, told):
    said = asked(CI, share(), port=Port(80, "x", app, 8080))
    assert said.answer.by == "origin"
    assert told in why(said, "router")
    assert said.served_by == ""


def test_a_port_that_says_nothing_is_looked_into():
    said = asked(CI, share(), port=Port(80, "", "unknown", 8080))
    assert said.answer.by == "laptop"
    assert "found out by looking" in why(said, "port")


def test_tls_is_told_apart_by_the_servers_name_alone():
    assert asked(TLS, share("ci", "sni:shop.io")).answer.by == "laptop"
    said = asked(TLS, share("ci"))
    assert said.answer.by == "origin"
    assert said.served_by == ""
    assert "header VERSION is missing" in why(said, "router")


@pytest.mark.parametrize(
    ("mine", "told"),
    [
        (share("ci", ports=(81,)), "does not take port 80"),
        (share("ci", leaving=True), "it is coming or leaving"),
        (share("ci"), "is not in the router's configuration yet"),
    ],
)
def test_who_gets_nothing_is_told_why(mine, told):
    said = asked(CI, mine, known=frozenset() if "configuration" in told else None)
    assert said.answer.by == "origin"
    assert told in why(said, "router")


def test_ports_that_lead_to_the_same_port_of_a_pod_are_taken_together():
    port = Port(80, "http", "http", 8080, beside=(81,))
    assert asked(CI, share("ci", ports=(81,)), port=port).answer.by == "laptop"


def test_what_no_router_can_read_is_told():
    broken = share("ci", "header:version=ci")
    broken = replace(broken, matches=(Match((Condition("header", "version", "regex", "("),)),))
    assert "can't be said to the router" in why(asked(CI, broken), "router")


def test_a_mirror_gets_copies_of_what_the_origin_answers():
    copy = share("mmmmm", "header:version=ci", kind="mirror", percent=10.0, user="bob@pc")
    said = asked(CI, copy)
    assert said.answer.by == "origin"
    [got] = said.copies
    assert (got.user, got.percent, got.alive) == ("bob@pc", 10.0, True)
    missed = asked(Request(), copy)
    assert missed.copies == ()
    assert "the mirror of bob@pc does not match" in why(missed, "router")
    assert asked(CI, copy, share("ci")).copies == ()


def test_a_mirror_whose_agent_is_unknown_is_not_alive():
    copy = share("mmmmm", "path:/", kind="mirror")
    found = facts(copy)
    found = replace(found, laptops={})
    [got] = explain(Request(), found).copies
    assert not got.alive
