from ktconnect.modes.agentplan import AgentPlan, new_name
from ktconnect.objects.agent import PROGRAM, AgentPod, AgentPort
from ktconnect.objects.session import Session
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec

SESSION = Session("web-kt-mesh-abcde", "shop", "shadow-mesh", "ann@laptop")
OWNER = {"kind": "Lease", "name": "kt-mesh-web.one", "uid": "u-1"}


def test_names_are_the_originals_with_five_random_letters():
    assert new_name("kt-connect-shadow") != new_name("kt-connect-shadow")
    assert len(new_name("kt-x")) == len("kt-x-abcde")


def test_its_objects_are_the_sessions_and_its_orders_reach_the_pod_without_the_token():
    orders = AgentSpec(token_digest("secret"), 7071)
    plan = AgentPlan(SESSION, AgentPod(ports=(AgentPort(8080),)), orders, "secret")
    program, runs = plan.config_map(OWNER), plan.deployment(OWNER)
    for manifest in (program, runs):
        assert manifest["metadata"]["name"] == SESSION.name
        assert manifest["metadata"]["ownerReferences"] == [OWNER]
        assert "control-by" not in manifest["metadata"]["labels"]
    assert program["binaryData"][PROGRAM]
    [container] = runs["spec"]["template"]["spec"]["containers"]
    assert container["args"] == orders.to_argv()
    assert "secret" not in str(container)
