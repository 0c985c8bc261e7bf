"""What can't be done is said at once, in one message, and leaves nothing behind."""

import json
from typing import Any

import pytest
from tests.cluster.connecting import command, laptop_state, ours, started, wait_until

pytestmark = pytest.mark.cluster


def refused_connect(cluster, namespace, *flags, **options):
    """Run a connect that must fail by itself; its error event, and how long it took."""
    before = laptop_state(cluster)
    with started(cluster, command(cluster, namespace, *flags), **options) as session:
        error = session.wait_for(lambda event: event["event"] == "error", 40)
        code = session.wait()
    assert code == error["exitCode"] != 0
    assert "Traceback" not in session.stderr
    assert error["hint"], error
    assert laptop_state(cluster) == before
    return error


def assert_nothing_left(cluster, namespace):
    wait_until(lambda: ours(cluster, namespace) == [], within=5)


QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: none}
spec: {hard: {pods: "0"}}
"""
LIMITS = """
apiVersion: v1
kind: LimitRange
metadata: {name: small}
spec: {limits: [{type: Container, max: {memory: 16Mi}}]}
"""


@pytest.mark.parametrize(
    ("flags", "manifest", "said"),
    [
        (["--image", "kt.local/nosuch:1"], "", "kt.local/nosuch:1"),
        (["--image", "kt.local/nosuch:1", "--forceUpdate"], "", "kt.local/nosuch:1"),
        (["--image", "kt.local/BAD:1"], "", "kt.local/BAD:1"),
        (["--image", "kt.local/busybox:latest"], "", "python3"),
        (["--nodeSelector", "disk=none"], "", "node"),
        (["--podQuota", "900c,1g"], "", "cpu"),
        (["--serviceAccount", "nosuch"], "", "nosuch"),
        ([], QUOTA, "quota"),
        ([], LIMITS, "memory"),
    ],
    ids=[
        "no such image",
        "no such image to pull anew",
        "invalid image",
        "image without Python",
        "no such node",
        "no node is large enough",
        "no such service account",
        "quota",
        "limit range",
    ],
)
def test_the_cluster_s_own_reason_is_told_at_once(
    cluster, namespace, deploy, flags, manifest, said
):
    if manifest:
        deploy(manifest)
    image = cluster.state.images["busybox"]
    flags = [image if "busybox" in flag else flag for flag in flags]
    with started(cluster, command(cluster, namespace, *flags)) as session:
        error = session.wait_for(lambda event: event["event"] == "error", 20)
        assert session.wait() == 5
    assert said in error["message"]
    assert error["hint"]
    assert_nothing_left(cluster, namespace)


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE], resources: [RESOURCE]}
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAME}}
  validations: [{expression: "false", message: not on my watch}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME}
spec: {policyName: NAME, validationActions: [Deny]}
"""


@pytest.mark.parametrize("resource", ["leases", "configmaps", "deployments", "pods"])
def test_an_admission_policy_s_denial_is_told_in_its_own_words(
    cluster, namespace, deploy, resource
):
    deploy(POLICY.replace("NAME", namespace).replace("RESOURCE", resource))
    try:
        wait_until(lambda: is_denied(cluster, namespace, resource), within=20, every=0.3)
        error = refused_connect(cluster, namespace)
        assert "not on my watch" in error["message"]
        assert error["exitCode"] == 5
        assert_nothing_left(cluster, namespace)
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            cluster.kubectl("delete", kind, namespace)


TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "a", "image": "b"}]},
}
SAMPLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "leases": ("coordination.k8s.io/v1", "Lease", {}),
    "configmaps": ("v1", "ConfigMap", {}),
    "deployments": (
        "apps/v1",
        "Deployment",
        {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}},
    ),
    "pods": ("v1", "Pod", {"spec": TEMPLATE["spec"]}),
}


def is_denied(cluster, namespace, resource):
    """Whether the policy is in force: it takes the API server a moment to see it."""
    version, kind, spec = SAMPLES[resource]
    name = {"name": "sample"}
    sample = {"apiVersion": version, "kind": kind, "metadata": name, **spec}
    create = ["kubectl", "create", "--dry-run=server", f"--namespace={namespace}", "-f", "-"]
    return "not on my watch" in cluster.laptop(create, input=json.dumps(sample)).stderr


def test_a_namespace_that_does_not_exist_is_named(cluster):
    error = refused_connect(cluster, "nosuch-namespace")
    assert "nosuch-namespace" in error["message"]
