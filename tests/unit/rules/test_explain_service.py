from dataclasses import replace

from tests.unit.rules.explaining import ROUTER, WEB, facts, own, plain, share, why

from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Endpoint, Laptop, Place
from ktconnect.rules.explain_service import shown
from ktconnect.rules.request import Request

CI = Request(headers=(("version", "ci"),))
AGENT = Endpoint("web-kt-exchange-1", True, {}, "shadow-exchange", "agent")
BOB = Laptop("kt-exchange-web", "exchange", "bob@pc", alive=True, heard="3 s")
DEAD = replace(BOB, alive=False, heard="40 s")


def exchanged(laptop=BOB, agent=AGENT, **fields):
    laptops = {"agent": laptop} if laptop else {}
    return explain(CI, facts(behind=(agent,), laptops=laptops, **fields))


def test_an_exchanged_service_leads_everybody_to_the_laptop():
    said = exchanged()
    assert (said.answer.by, said.answer.user, said.answer.mark) == ("laptop", "bob@pc", "")


def test_a_silent_laptops_agent_passes_callers_on_to_the_origin():
    said = exchanged(DEAD)
    assert (said.answer.by, said.answer.pods) == ("origin", ("web-1",))
    assert (
        why(said, "agent") == "the laptop of bob@pc is silent for 40 s: its agent passes callers on"
    )


def test_a_laptop_that_is_late_may_be_away():
    said = exchanged(replace(BOB, late=True, heard="32 s"))
    assert said.answer.by == "laptop"
    assert "it was heard 32 s ago, which is long" in why(said, "laptop")


def test_a_port_that_was_not_asked_for_is_passed_on():
    said = exchanged(agent=replace(AGENT, passes=frozenset({("tcp", 8080)})))
    assert said.answer.by == "origin"
    assert "did not ask for port 80" in why(said, "agent")


def test_an_agent_without_a_session_passes_on():
    said = exchanged(None)
    assert said.answer.by == "origin"
    assert "no session speaks for the agent" in why(said, "agent")


def test_where_sessions_may_not_be_seen_it_is_said_that_the_right_is_missing():
    said = exchanged(None, sessions_seen=False)
    assert (said.answer.by, said.answer.who) == (
        "unknown",
        "somebody's laptop, or the origin while that is away",
    )
    assert "you may not list leases" in why(said, "laptop")
    mine = share()
    said = explain(CI, facts(mine, sessions_seen=False))
    assert said.answer.by == "laptop"
    copied = replace(facts(share(kind="mirror"), sessions_seen=False), laptops={})
    assert [copy.alive for copy in explain(CI, copied).copies] == [True]
    unseen = replace(facts(mine, sessions_seen=False), laptops={})
    assert "the laptop of ann@laptop, or" in explain(CI, unseen).answer.who


def test_an_agent_that_is_not_ready_answers_nobody():
    said = exchanged(agent=replace(AGENT, ready=False))
    assert said.answer.by == "nobody"
    assert "not ready" in why(said, "Service web")


def test_without_an_origin_nobody_answers():
    said = exchanged(DEAD, origin="")
    assert said.answer.by == "nobody"
    assert why(said, "origin") == "the origin leads to nobody"


def test_a_dead_laptop_of_kt_connect_leaves_callers_alone():
    old = replace(AGENT, old=True)
    assert exchanged(agent=old).answer.by == "laptop"
    said = exchanged(DEAD, old)
    assert said.answer.by == "nobody"
    assert "`ktctl recover` makes one" in why(said, "laptop")


def test_a_dead_mark_goes_to_the_origin():
    said = explain(CI, facts(share(), dead=("ci",)))
    assert said.answer.by == "origin"
    assert said.served_by == "ci"


def test_a_session_without_an_agent_goes_to_the_origin_by_the_router_itself():
    mine = share()
    gone = replace(own(mine), endpoints=())
    said = explain(CI, facts(mine, places=[gone]))
    assert (said.answer.by, said.served_by) == ("origin", "origin")
    assert "leads to no agent" in why(said, "Service web-kt-mesh-ci")


def test_a_router_that_is_not_ready_answers_nobody():
    said = explain(CI, facts(share(), behind=(replace(ROUTER, ready=False),)))
    assert said.answer.by == "nobody"


def test_of_kt_connects_router_the_rules_are_not_known():
    said = explain(CI, facts(behind=(replace(ROUTER, old=True),)))
    assert said.answer.by == "unknown"
    assert "KT Connect 0.3" in why(said, "router")


def test_a_share_that_nothing_leads_to_is_told():
    mine = share()
    said = explain(CI, plain(places=[own(mine)]))
    assert said.answer.by == "origin"
    assert "nothing leads requests to ann@laptop (ci)" in why(said, "sessions")
    assert not explain(CI, plain()).hops[-1].why


def test_agents_among_the_services_own_pods_are_told():
    agent = replace(AGENT, role="shadow-mesh")
    service = Place("web", "shop", (WEB, agent), {"app": "web"})
    said = explain(CI, plain(service=service, laptops={"agent": replace(BOB, mode="mesh")}))
    assert said.answer.pods == ("web-1",)
    assert "one of them is the agent of bob@pc (mesh)" in why(said, "Service web")


def test_headless_services_let_callers_choose():
    service = Place("web", "shop", (WEB,), {"app": "web"}, headless=True)
    assert "choose a Pod by DNS" in why(explain(CI, plain(service=service)), "Service web")


def test_pods_that_are_not_ready_answer_nobody():
    service = Place("web", "shop", (replace(WEB, ready=False),), {"app": "web"})
    said = explain(CI, plain(service=service))
    assert said.answer.by == "nobody"
    assert why(said, "Service web") == "none of its 1 Pods is ready"


def test_services_without_pods_answer_nobody():
    said = explain(CI, plain(service=Place("web", "shop", (), {"app": "web"})))
    assert "its selector finds no Pod" in why(said, "Service web")
    said = explain(CI, plain(service=Place("web", "shop")))
    assert "it has no selector" in why(said, "Service web")
    assert said.answer.by == "nobody"


def test_a_name_outside_the_cluster_is_not_followed():
    said = explain(CI, plain(service=Place("web", "shop", kind="ExternalName")))
    assert said.answer.by == "unknown"


def test_many_names_are_cut():
    assert shown(("a", "b", "c"), 2) == "a, b and 1 more"
    assert shown(("a",)) == "a"
