import base64

from ktconnect.objects.agent import PROGRAM, AgentPod, config_map, deployment
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
