import pytest
from tests.unit.rules.explaining import facts, laptop, own, plain, share, why
from tests.unit.rules.test_explain_gateway import route
from tests.unit.rules.test_explain_gateway import to as to_backend
from tests.unit.rules.test_explain_istio import service, to

from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Caller, Endpoint, Others, Place, Port
from ktconnect.rules.request import Request

CI = Request(headers=(("version", "ci"),))
RULES = Others((service(to("nix")),), (), (route(to_backend("nix"), name="gw"),))


def caller(mesh):
    return Caller("Pod front-1", "shop", {}, mesh)


def test_rules_are_not_heard_without_a_sidecar():
    said = explain(CI, plain(others=RULES, caller=caller("")))
    assert said.answer.by == "origin"
    told = why(said, "mesh")
    assert "VirtualService web, HTTPRoute gw: not heard" in told
    assert "Pod front-1 has no sidecar" in told
    said = explain(CI, plain(others=RULES, caller=caller(""), places=[own(share())]))
    assert "sessions" not in [hop.at for hop in said.hops]  # it has been said why


def test_in_an_ambient_mesh_a_waypoint_must_be_on_the_way():
    said = explain(CI, plain(others=RULES, caller=caller("ambient")))
    assert "no hop on the way reads HTTP" in why(said, "mesh")
    said = explain(CI, plain(others=RULES, caller=caller("ambient"), waypoint="wp"))
    assert said.answer.by == "nobody"


@pytest.mark.parametrize(
    ("request_", "port", "told"),
    [
        (Request(tls=True), Port(80, "http", "http"), "the caller encrypts by itself"),
        (CI, Port(6379, "redis", "tcp"), "port 6379 (redis) is not declared as HTTP"),
    ],
)
def test_rules_for_http_need_http(request_, port, told):
    said = explain(request_, plain(others=RULES, caller=caller("istio"), port=port))
    assert told in why(said, "mesh")
    assert said.answer.by == "origin"


def test_other_meshes_do_not_hear_istios_rules():
    only = Others((service(to("nix")),))
    said = explain(CI, plain(others=only, caller=caller("kuma")))
    assert "hears no rule for this host (VirtualService web is for others)" in why(
        said, "Kuma's sidecar"
    )
    assert said.answer.by == "origin"


def test_istio_hears_routes_of_the_gateway_api_too():
    next_ = Place("next", "shop", (Endpoint("next-1"),))
    only = Others(http_routes=(route(to_backend("next")),))
    said = explain(CI, plain(others=only, caller=caller("istio"), places=[next_]))
    assert said.answer.pods == ("next-1",)


def test_without_rules_a_mesh_says_nothing():
    said = explain(CI, plain(caller=caller("istio")))
    assert [hop.at for hop in said.hops] == ["caller", "port", "Service web"]


def test_a_router_behind_a_mesh_is_still_asked():
    others = Others((service(to("web")),))
    said = explain(CI, facts(share(), others=others, caller=caller("istio")))
    assert said.answer.by == "laptop"


def test_an_exchange_by_a_rule_answers_everybody_and_no_header_says_so():
    taken = share("abcde", "path:/", kind="exchange")
    found = plain(
        others=Others((service(to(taken.service)),)),
        caller=caller("istio"),
        places=[own(taken)],
        laptops={taken.service: laptop(taken)},
    )
    said = explain(Request(), found)
    assert (said.answer.by, said.answer.user, said.answer.mark) == ("laptop", "ann@laptop", "")
    assert said.served_by == ""
