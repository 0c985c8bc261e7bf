"""The cluster room against a real API server, from the laptop."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from playground.cluster import Playground
from playground.errors import PlaygroundError
from playground.testing import Deploy, Laptop
from tests.cluster.patience import at_last

pytestmark = pytest.mark.cluster

PROGRAM = str(Path(__file__).with_name("kube_on_laptop.py"))
Do = Callable[..., Any]


@pytest.fixture
def do(cluster: Playground, laptop: Laptop) -> Do:
    """Runs a deed of `kube_on_laptop` as the admin, or with the kubeconfig given."""

    def run(*words: str, kubeconfig: Path | None = None) -> Any:
        given = str(kubeconfig or cluster.kubeconfig)
        done = laptop(sys.executable, PROGRAM, given, *words, check=True)
        return json.loads(done.stdout)

    return run


def container(cluster: Playground, code: str, **more: Any) -> dict[str, Any]:
    image = cluster.state.images["python"]
    return {"name": "c", "image": image, "command": ["python3", "-c", code], **more}


def deployment(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 0, **spec},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


ECHO = """
import socket
server = socket.create_server(("127.0.0.1", 7070))
while True:
    with server.accept()[0] as client:
        while data := client.recv(65536):
            client.sendall(data)
"""


@pytest.fixture
def echoing(cluster: Playground, namespace: str, deploy: Deploy, do: Do) -> str:
    """Name of a Pod that echoes on its loopback, as the agent listens."""
    deploy(deployment("echo", container(cluster, ECHO)), wait=False)
    return str(do("ready", namespace, "app=echo", "echo"))


@pytest.mark.parametrize("protocol", ["v2", "v4"])
def test_bytes_pass_whole_through_the_api_server(namespace, echoing, do, protocol):
    found = do("echo", namespace, echoing, "7070", protocol, "3000000")
    assert found == {"whole": True, "lost": ""}


@pytest.mark.parametrize("protocol", ["v2", "v4"])
def test_a_port_where_nothing_listens_is_told_in_plain_words(namespace, echoing, do, protocol):
    found = do("echo", namespace, echoing, "7071", protocol, "10")
    assert found["lost"] == (
        f"nothing listens on port 7071 in Pod {namespace}/{echoing} (connection refused)"
    )


def test_a_pod_that_does_not_exist_is_told(namespace, do):
    found = do("echo", namespace, "nobody", "7070", "", "1")
    assert found["error"] == "NotFound"
    assert found["message"] == f"pods/nobody in namespace {namespace}: does not exist"


def test_the_clusters_own_facts_are_found(cluster, namespace, deploy, do):
    deploy({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"ports": [{"port": 80}]}})  # fmt: skip
    found = do("facts", namespace)
    assert found["missing_rights"] == []
    assert not found["limited_to_namespace"]
    assert ["web", namespace] in found["services"]
    assert namespace in found["namespaces"]
    assert found["cluster_domain"] == "cluster.local"
    assert len(found["dns_addresses"]) >= 1
    nodes = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    cidrs = {cidr for node in nodes for cidr in node["spec"]["podCIDRs"]}
    assert len(found["pod_ranges"]) <= len(cidrs)
    server = {address for address in found["server_addresses"] if "." in address}
    assert server <= set(found["node_addresses"])


READ = {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list", "watch"]}


def test_rights_in_one_namespace_are_enough(cluster, namespace, echoing, limited_user, do):
    user = limited_user([READ])
    found = do("facts", namespace, kubeconfig=user)
    assert found["limited_to_namespace"]
    assert found["services"] == []
    (pod_range,) = [each for each in found["pod_ranges"] if "." in each]
    assert pod_range.endswith("/32")
    assert {right[2] for right in found["missing_rights"]} == {
        "pods", "services", "nodes", "namespaces", "servicecidrs"
    }  # fmt: skip


def test_a_missing_right_is_named(namespace, echoing, limited_user, do):
    user = limited_user([READ])
    found = do("echo", namespace, echoing, "7070", "", "1", kubeconfig=user)
    assert found["error"] == "Forbidden"
    assert "pods/portforward in namespace" in found["message"]
    lacking = do("lacks", namespace, "create", "pods/portforward", kubeconfig=user)
    assert lacking == [f"create pods/portforward in namespace {namespace}"]
    assert do("lacks", namespace, "list", "pods", kubeconfig=user) == []


CASES: Sequence[tuple[str, dict[str, Any], str]] = [
    ("image", {"image": "localhost/no-such:1", "imagePullPolicy": "Never"}, "ErrImageNeverPull"),
    ("name", {"image": "NO:::1"}, "InvalidImageName"),
    ("config", {"envFrom": [{"configMapRef": {"name": "none"}}]}, "CreateContainerConfigError"),
    ("size", {"resources": {"requests": {"cpu": "9999"}}}, "Unschedulable"),
]


@pytest.mark.parametrize(("name", "more", "reason"), CASES, ids=[case[0] for case in CASES])
def test_why_a_pod_does_not_start_is_told(cluster, namespace, deploy, do, name, more, reason):
    deploy(deployment(name, container(cluster, "", **more)), wait=False)
    found = do("ready", namespace, f"app={name}", name)
    assert found["error"] == "Refused"
    assert f"the Pod can't start, {reason}: " in found["message"]
    assert found["hint"]


def test_a_crash_is_told_with_its_last_words(cluster, namespace, deploy, do):
    probe = {"readinessProbe": {"exec": {"command": ["false"]}}}
    crashing = container(cluster, "raise SystemExit('no such luck')", **probe)
    deploy(deployment("crash", crashing), wait=False)
    found = do("ready", namespace, "app=crash", "crash")
    assert "CrashLoopBackOff: container c ended with 1" in found["message"]
    assert found["message"].endswith("no such luck")


def test_a_quota_that_is_used_up_is_told(cluster, namespace, deploy, do):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
             "spec": {"hard": {"pods": "0"}}}  # fmt: skip
    deploy(quota, deployment("many", container(cluster, "")), wait=False)
    found = do("ready", namespace, "app=many", "many")
    assert "FailedCreate: " in found["message"]
    assert "exceeded quota: none" in found["message"]


def test_pod_security_is_told(cluster, namespace, deploy, do):
    label = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", namespace, label)
    deploy(deployment("lax", container(cluster, "")), wait=False)
    found = do("ready", namespace, "app=lax", "lax")
    assert 'violates PodSecurity "restricted' in found["message"]


def test_a_field_is_set_and_set_back_and_the_object_is_as_before(cluster, namespace, deploy, do):
    deploy({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})  # fmt: skip

    def fields() -> list[Any]:
        web = json.loads(cluster.kubectl("get", "service", "web", "-n", namespace, "-o", "json"))
        annotations = web["metadata"].get("annotations") or {}
        return [web["spec"], {key: value for key, value in annotations.items() if "kt-" in key}]

    before = fields()
    key = f"v1/Service/{namespace}/web#"
    selector = do("field", f"{key}/spec/selector", '{"kt-target": "x"}')
    assert selector == [{"app": "web"}, {"kt-target": "x"}, {"app": "web"}]
    assert do("field", f"{key}/metadata/annotations/kt-selector", '"s"') == [None, "s", None]
    assert fields() == before


def create_when_back(cluster: Playground, namespace: str) -> None:
    """A ConfigMap, as soon as the API server answers again."""
    end = time.monotonic() + at_last(30)
    while True:
        try:
            cluster.kubectl("create", "configmap", "late", f"--namespace={namespace}")
            return
        except PlaygroundError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def test_a_watch_outlives_the_api_server(cluster, namespace, laptop):
    watching = laptop.popen(
        sys.executable, PROGRAM, str(cluster.kubeconfig), "watch", namespace, "3",
        stdout=-1, stderr=-1, text=True,
    )  # fmt: skip
    assert watching.stderr.readline() == "synced\n"
    cluster.restart_component("kube-apiserver")
    create_when_back(cluster, namespace)
    out, _ = watching.communicate(timeout=at_last(30))
    assert json.loads(out)[-1] == ["ADDED", "late"]
