import base64
from dataclasses import replace

from ktconnect.objects.agent import (
    DRAIN_SECONDS,
    PROGRAM,
    AgentPod,
    AgentPort,
    config_map,
    deployment,
)
from ktconnect.objects.session import Session

SESSION = Session("kt-connect-shadow-abcde", "demo", "shadow-connect", "ann@laptop")
OWNERS = [{"kind": "Lease", "name": "kt-connect-shadow-abcde", "uid": "u-1"}]


def pod_spec(pod):
    return deployment(SESSION, pod, OWNERS)["spec"]["template"]["spec"]


def test_the_program_travels_in_a_config_map_owned_by_the_lease():
    manifest = config_map(SESSION, b"PK...", OWNERS)
    assert base64.b64decode(manifest["binaryData"][PROGRAM]) == b"PK..."
    assert manifest["metadata"]["ownerReferences"] == OWNERS


def test_the_pod_passes_pod_security_restricted():
    spec = pod_spec(AgentPod())
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    container = spec["containers"][0]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["automountServiceAccountToken"] is False


def test_the_selector_finds_the_template_even_with_labels_of_the_user():
    manifest = deployment(SESSION, AgentPod(), OWNERS)
    wanted = manifest["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()


def test_choices_of_the_user_reach_the_pod():
    spec = pod_spec(
        AgentPod(
            image="mirror.local/python:3",
            pull_policy="Always",
            pull_secret="registry",
            service_account="tester",
            node_selector=(("pool", "test"),),
            quota=(("cpu", "0.5"), ("memory", "512Mi")),
        ).with_args(["--port", "7070"])
    )
    container = spec["containers"][0]
    assert container["image"] == "mirror.local/python:3"
    assert container["imagePullPolicy"] == "Always"
    assert container["args"] == ["--port", "7070"]
    assert container["resources"]["limits"] == {"cpu": "0.5", "memory": "512Mi"}
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["serviceAccountName"] == "tester"
    assert spec["nodeSelector"] == {"pool": "test"}


def test_the_agent_is_told_the_addresses_of_its_pod():
    [variable] = pod_spec(AgentPod())["containers"][0]["env"]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIPs"


def test_without_a_quota_the_agent_asks_for_little():
    resources = pod_spec(AgentPod())["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "10m", "memory": "32Mi"}


INBOUND = AgentPod(
    args=("--port", "7071", "--token-sha256", "x"),
    ports=(
        AgentPort(8080, name="http"),
        AgentPort(53),
        AgentPort(53, "udp"),
    ),
    labels=(("app", "web"), ("kt-session", "theirs")),
    token=True,
)


def test_an_agent_for_callers_has_the_ports_that_the_service_asks_for_by_name():
    ports = pod_spec(INBOUND)["containers"][0]["ports"]
    assert ports == [
        {"name": "http", "containerPort": 8080, "protocol": "TCP"},
        {"name": "kt-53", "containerPort": 53, "protocol": "TCP"},
        {"name": "kt-53-udp", "containerPort": 53, "protocol": "UDP"},
    ]


def test_an_agent_that_others_may_lead_to_is_ready_once_it_listens_and_stays_so():
    container = pod_spec(replace(INBOUND, at_once=True))["containers"][0]
    assert container["startupProbe"]["exec"]["command"][-3:] == ["--check", "--port", "7071"]
    assert "readinessProbe" not in container


def test_an_agent_to_which_we_alone_lead_callers_waits_for_no_probe():
    for pod in (AgentPod(), INBOUND):
        assert not {"startupProbe", "readinessProbe"} & pod_spec(pod)["containers"][0].keys()


def test_an_agent_that_is_ready_by_its_laptop_needs_no_other_probe():
    container = pod_spec(replace(INBOUND, ready=20000))["containers"][0]
    assert container["readinessProbe"]["tcpSocket"] == {"port": 20000}
    assert "startupProbe" not in container


def test_the_port_to_ask_is_found_wherever_it_stands_in_the_orders():
    orders = ("--token-sha256", "ab", "--port", "7072")
    probe = pod_spec(replace(INBOUND, args=orders, at_once=True))["containers"][0]["startupProbe"]
    assert probe["exec"]["command"][-3:] == ["--check", "--port", "7072"]


def test_an_agent_without_a_said_port_is_asked_at_the_usual_one():
    probe = pod_spec(replace(INBOUND, args=(), at_once=True))["containers"][0]["startupProbe"]
    assert probe["exec"]["command"][-1] == "--check"


def test_an_agent_for_callers_may_drain_and_undo():
    spec = pod_spec(INBOUND)
    assert spec["terminationGracePeriodSeconds"] == DRAIN_SECONDS
    assert spec["automountServiceAccountToken"] is True
    assert pod_spec(AgentPod())["terminationGracePeriodSeconds"] == 0


def test_the_clean_up_of_kt_connect_does_not_find_what_stands_in_the_traffics_way():
    manifest = deployment(SESSION, INBOUND, OWNERS)
    template = manifest["spec"]["template"]["metadata"]
    program = config_map(SESSION, b"", OWNERS, inbound=True)
    for metadata in (manifest["metadata"], template, program["metadata"]):
        assert "control-by" not in metadata["labels"]
        assert metadata["labels"]["kt-role"] == "shadow-connect"
    assert "control-by" in deployment(SESSION, AgentPod(), OWNERS)["metadata"]["labels"]


def test_labels_that_are_wished_for_find_the_pod_and_never_replace_ours():
    labels = deployment(SESSION, INBOUND, OWNERS)["spec"]["template"]["metadata"]["labels"]
    assert labels["app"] == "web"
    assert labels["kt-session"] == SESSION.name


def test_a_pod_may_be_ready_only_while_there_is_a_laptop():
    pod = AgentPod(ports=(AgentPort(8080),), ready=20000)
    template = deployment(SESSION, pod, [])["spec"]["template"]
    [container] = template["spec"]["containers"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": 20000}
    assert template["metadata"]["annotations"]["kt-ready"]
    plain = deployment(SESSION, AgentPod(ports=(AgentPort(8080),)), [])["spec"]["template"]
    assert "readinessProbe" not in plain["spec"]["containers"][0]
    assert "kt-ready" not in plain["metadata"]["annotations"]
