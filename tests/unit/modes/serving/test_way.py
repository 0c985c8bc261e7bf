from tests.unit.modes.inbound import ADMIN, DNS, PLAN, WEB

from ktconnect.modes.serving.way import InboundPlan


def test_a_plan_tells_what_comes_here_and_where_it_goes():
    plan = InboundPlan("exchange", PLAN.session, PLAN.agent, "web", (WEB, ADMIN, DNS))
    assert plan.where == "shop/web"
    assert plan.namespace == "shop"
    assert plan.exposed == (WEB, DNS)
    assert plan.targets == {("tcp", 8080): WEB.target, ("udp", 5353): DNS.target}
