"""`exchange --mode scale`: a workload's place is taken, under load, and given back."""

import contextlib
import json
import signal
from typing import Any

import pytest
from playground.testing import Deploy
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.exchanging import Shop, local_program, said, serving
from tests.cluster.world import echo_template, service

from ktconnect.objects.rights import EXCHANGE_SCALE, rules

pytestmark = pytest.mark.cluster

HTTP = [{"name": "http", "port": 80, "targetPort": 8080}]


def workload(cluster, kind="Deployment", replicas=2, slow=0, more=None):
    """Pods that end in good order; ``slow``: seconds until one is ready.

    Their Service selects by a label that is in the template alone.
    """
    labels = {"app": "web"}
    template = echo_template(cluster, {**labels, "tier": "front"})
    spec, [container] = template["spec"], template["spec"]["containers"]
    spec["terminationGracePeriodSeconds"] = 30
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 6}}}
    container["readinessProbe"] |= {"initialDelaySeconds": slow}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
            **(more or {}),
        },
    }


WEB = service("web", selector={"tier": "front"}, ports=HTTP, ipFamilyPolicy="SingleStack")


def replicas(cluster, namespace, kind="deployment"):
    return cluster.get(kind, "web", f"--namespace={namespace}")["spec"]["replicas"]


def pods(cluster, namespace):
    """Of the workload; the agent carries their labels, too."""
    found = cluster.get("pods", f"--namespace={namespace}", "--selector=tier=front,!kt-role")
    return [each["metadata"]["name"] for each in found["items"]]


def left(cluster, namespace):
    """What is there of a session."""
    where = f"--namespace={namespace}"
    agents = cluster.get("deployments,configmaps", where, "--selector=kt-role")["items"]
    leases = cluster.get("leases", where)["items"]
    return [f"{each['kind']}/{each['metadata']['name']}" for each in (*agents, *leases)]


@contextlib.contextmanager
def exchanged(cluster, namespace, target, *flags):
    """Taken for as long as the block, unless that ends it itself."""
    with local_program(cluster) as local:
        words = ("exchange", target, "--mode", "scale", "--expose", f"{local.http}:http", *flags)
        with serving(cluster, namespace, *words) as session:
            yield session


class Web(Shop):
    """A namespace with the Service and one workload."""

    def __init__(self, cluster, namespace, *manifests):
        self.cluster, self.namespace = cluster, namespace
        Deploy(cluster, namespace)(WEB, *manifests)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_callers_of_a_workload_come_here_and_go_back_without_a_failure(cluster, namespace, kind):
    more = {"serviceName": "web"} if kind == "StatefulSet" else {}
    web = Web(cluster, namespace, workload(cluster, kind, more=more))
    with web.calling(rate=100) as callers:
        callers.served_by_pods()
        with exchanged(cluster, namespace, f"{kind.lower()}/web"):
            assert replicas(cluster, namespace, kind) == 0
            wait_until(lambda: pods(cluster, namespace) == [], within=30)
            callers.served_by_laptop()
        assert replicas(cluster, namespace, kind) == 2
        callers.served_by_pods()
        callers.nobody_noticed()
    wait_until(lambda: left(cluster, namespace) == [], within=10)


def warnings(session):
    return [event["message"] for event in session.events if event["event"] == "warning"]


def test_it_says_first_that_there_is_no_way_back_without_this_machine(cluster, namespace):
    Web(cluster, namespace, workload(cluster))
    with exchanged(cluster, namespace, "web") as session:
        [warned] = [text for text in warnings(session) if "is scaled to 0" in text]
        assert "while this machine is away nobody answers" in warned
        events = [event["event"] for event in session.events]
        assert events.index("warning") < events.index("step", events.index("warning"))


def test_a_second_ctrl_c_skips_the_wait_for_the_pods(cluster, namespace):
    Web(cluster, namespace, workload(cluster, replicas=1))
    with exchanged(cluster, namespace, "deployment/web", "--recoverWaitTime", "300") as session:
        slow = workload(cluster, replicas=0, slow=600)
        cluster.apply([slow], namespace)
        session.process.send_signal(signal.SIGINT)
        said(session, "is scaled back to 1")
        assert session.process.poll() is None
        session.process.send_signal(signal.SIGINT)
        assert session.wait(within=30) == 0, session.story()
        assert any("you skipped the wait" in text for text in warnings(session))
    assert replicas(cluster, namespace) == 1
    wait_until(lambda: left(cluster, namespace) == [], within=10)


def test_whoever_scales_it_meanwhile_is_told_of_and_left_alone(cluster, namespace):
    Web(cluster, namespace, workload(cluster, replicas=1))
    with exchanged(cluster, namespace, "deployment/web") as session:
        scale = ("scale", "deployment/web", f"--namespace={namespace}", "--replicas")
        cluster.kubectl(*scale, "3")
        said(session, "has scaled deployment/web to 3")
    assert replicas(cluster, namespace) == 3
    assert left(cluster, namespace) == []


def test_what_a_killed_laptop_has_scaled_is_scaled_back_by_the_next_command(cluster, namespace):
    Web(cluster, namespace, workload(cluster, replicas=2))
    with exchanged(cluster, namespace, "deployment/web") as session:
        session.stop(signal.SIGKILL)
        assert replicas(cluster, namespace) == 0
        done = run_ktctl(cluster, "clean", "-n", namespace, "-o", "json")
        assert done.code == 0, done.stdout + done.stderr
    assert replicas(cluster, namespace) == 2
    wait_until(lambda: left(cluster, namespace) == [], within=10)


def test_an_autoscaler_is_told_and_left_alone(cluster, namespace):
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 3,
    }
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": spec,
    }
    Web(cluster, namespace, workload(cluster, replicas=1), scaler)
    with exchanged(cluster, namespace, "deployment/web") as session:
        assert "HorizontalPodAutoscaler web rests" in json.dumps(session.events)
        assert replicas(cluster, namespace) == 0
    assert cluster.get("hpa", "web", f"--namespace={namespace}")["spec"]["maxReplicas"] == 3


def test_where_agents_may_they_scale_back_by_themselves(cluster, namespace):
    web = Web(cluster, namespace, workload(cluster, replicas=2))
    done = run_ktctl(cluster, "setup", "-n", namespace, "-o", "json")
    assert done.code == 0, done.stdout + done.stderr
    with exchanged(cluster, namespace, "deployment/web", "--restoreAfter", "10") as session:
        session.stop(signal.SIGKILL)
        wait_until(lambda: replicas(cluster, namespace) == 2, within=30, every=0.5)
    wait_until(lambda: left(cluster, namespace) == [], within=15, every=0.5)
    assert web.get("deployment", "web")["spec"]["replicas"] == 2


def test_its_own_role_is_enough(cluster, namespace, limited_user):
    Web(cluster, namespace, workload(cluster, replicas=1))
    kubeconfig = limited_user(rules(EXCHANGE_SCALE))
    for target in ("deployment/web", "web"):
        with exchanged(cluster, namespace, target, "--kubeconfig", str(kubeconfig)) as session:
            assert replicas(cluster, namespace) == 0
            assert "you may not" not in session.story()
        assert replicas(cluster, namespace) == 1
        assert left(cluster, namespace) == []


GROUP = "scale.test.example.org"
CRD_NAME = f"rollouts.{GROUP}"
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": CRD_NAME},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "rollouts", "singular": "rollout", "kind": "Rollout"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                        "properties": {
                            "spec": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                                "properties": {"size": {"type": "integer"}},
                            }
                        },
                    }
                },
                "subresources": {
                    "scale": {
                        "specReplicasPath": ".spec.size",
                        "statusReplicasPath": ".status.size",
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def size(cluster, namespace):
    """Of a workload of a kind that Kubernetes itself has not; how many Pods it is to have."""
    cluster.apply([CRD])
    try:
        kind = f"customresourcedefinition/{CRD_NAME}"
        cluster.kubectl("wait", kind, "--for=condition=Established", "--timeout=60s")
        rollout = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Rollout",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"size": 3, "template": workload(cluster)["spec"]["template"]},
        }
        cluster.apply([rollout])
        Web(cluster, namespace)
        where = f"--namespace={namespace}"
        yield lambda: cluster.get(CRD_NAME, "web", where)["spec"]["size"]
    finally:
        cluster.kubectl("delete", "crd", CRD_NAME, "--ignore-not-found")


def test_anything_with_a_scale_subresource_can_be_taken_and_is_scaled_back(
    cluster, namespace, size
):
    """By its laptop, and by its agent without one."""
    target = f"{CRD_NAME}/web"
    with exchanged(cluster, namespace, target, "--recoverWaitTime", "0"):
        assert size() == 0
    assert size() == 3
    assert left(cluster, namespace) == []
    done = run_ktctl(cluster, "setup", "--scalable", CRD_NAME, "-n", namespace, "-o", "json")
    assert done.code == 0, done.stdout + done.stderr
    with exchanged(cluster, namespace, target, "--restoreAfter", "10") as session:
        session.stop(signal.SIGKILL)
        wait_until(lambda: size() == 3, within=30, every=0.5)
    wait_until(lambda: left(cluster, namespace) == [], within=15, every=0.5)
