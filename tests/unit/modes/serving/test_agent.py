from dataclasses import replace

from tests.unit.modes.inbound import ADMIN, AGENT, DNS, PLAN, WEB

from ktconnect.modes.serving.agent import agent_plan, listening
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.agent import AgentPod, AgentPort
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import Guard, Listen

ORIGINS = {WEB: "10.96.0.9:80", ADMIN: "10.96.0.9:81"}
SPEC = ServingSpec(ClusterSpec(agent=AgentPod(image="mirror/python")), restore_after=30)


def test_an_agent_listens_on_all_ports_and_passes_on_those_that_were_not_exposed():
    assert listening((WEB, ADMIN), ORIGINS) == (
        Listen("tcp", 8080, "10.96.0.9:80"),
        Listen("tcp", 8081, "10.96.0.9:81", to_laptop=False),
    )


def test_ports_of_the_service_that_share_one_of_the_pod_are_listened_on_once():
    other = replace(WEB, service_port=8888)
    origins = {**ORIGINS, other: "10.96.0.9:8888"}
    assert listening((WEB, other), origins) == (Listen("tcp", 8080, "10.96.0.9:80"),)


def test_without_an_origin_only_what_comes_here_is_listened_on():
    assert listening((WEB, ADMIN, DNS), {}) == (Listen("tcp", 8080), Listen("udp", 5353))


def test_the_pod_has_the_names_of_the_ports_and_the_labels_of_the_way():
    plan = agent_plan(PLAN, SPEC, ORIGINS, (("app", AGENT),), ("kt-agent", True))
    assert plan.pod.ports == (AgentPort(8080, "tcp", "http"), AgentPort(8081))
    assert plan.pod.labels == (("app", AGENT),)
    assert (plan.pod.image, plan.pod.service_account) == ("mirror/python", "kt-agent")
    assert plan.pod.token is True
    assert plan.spec.guard == Guard("shop", "kt-exchange-web", 30)
    assert plan.spec.token_sha256 == token_digest(plan.token)


def test_one_to_which_services_lead_by_themselves_is_not_ready_before_it_listens():
    for at_once in (False, True):
        plan = agent_plan(replace(PLAN, at_once=at_once), SPEC, {}, (), ("default", False))
        assert plan.pod.at_once is at_once


def test_what_is_shared_with_others_is_guarded_too():
    plan = agent_plan(replace(PLAN, shared="kt-router-web"), SPEC, {}, (), ("kt-agent", True))
    assert plan.spec.guard == Guard("shop", "kt-exchange-web", 30, "kt-router-web")


def test_without_an_account_nobody_is_asked_to_undo():
    plan = agent_plan(PLAN, SPEC, ORIGINS, (), ("default", False))
    assert plan.spec.guard is None
    assert plan.pod.token is False


def test_the_door_of_the_tunnel_is_none_of_the_callers_ports():
    taken = replace(PLAN, ports=(replace(WEB, pod_port=7070),))
    assert agent_plan(taken, SPEC, {}, (), ("default", False)).spec.port != 7070
