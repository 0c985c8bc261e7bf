"""What can't be taken is refused with the reason; a dry run shows all and changes nothing."""

import json

import pytest
from playground.testing import Deploy
from tests.cluster.connecting import run_ktctl
from tests.cluster.exchanging import argv as command
from tests.cluster.exchanging import local_program
from tests.cluster.world import endpoint_slice, service, workload

pytestmark = pytest.mark.cluster

SINGLE = {"ipFamilyPolicy": "SingleStack"}
HTTP = [{"name": "http", "port": 80, "targetPort": 8080}]
EVERYTHING = "all,leases,configmaps,endpointslices,serviceaccounts,roles,rolebindings,secrets"


@pytest.fixture(scope="module")
def shop(cluster):
    """A namespace with Services of every kind; nothing in it is ever changed."""
    from tests.cluster.namespaces import own_namespace

    with own_namespace(cluster, "shop") as namespace:
        outside = {"selector": None, "ports": None, "ipFamilyPolicy": None}
        Deploy(cluster, namespace)(
            service("web", ports=HTTP, **SINGLE),
            service("again", selector={"app": "web"}, ports=HTTP, **SINGLE),
            service("idle", ports=HTTP, **SINGLE),
            service("local", ports=HTTP, internalTrafficPolicy="Local", **SINGLE),
            service("db", clusterIP="None"),
            service("manual", selector=None, ports=HTTP, **SINGLE),
            endpoint_slice("manual", "192.0.2.1", 80),
            service("ext", type="ExternalName", externalName="example.com", **outside),
            workload(cluster, "web"),
            workload(cluster, "db", "StatefulSet"),
        )
        yield namespace


def ktctl(cluster, namespace, *argv):
    return run_ktctl(cluster, *command(cluster, namespace, *argv)[1:])


def refused(cluster, namespace, *argv):
    """The error of a command that must fail by itself."""
    done = ktctl(cluster, namespace, *argv)
    assert done.code == done.error["exitCode"] != 0
    assert "Traceback" not in done.stderr
    return done.error


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["ext"], "Service ext is only another name for example.com"),
        (["manual"], "Service manual has no selector"),
        (["db"], "db-0.db would vanish"),
        (["statefulset/db"], "db-0.db would vanish"),
        (["local"], "only callers on the agent's node would reach it"),
        (["deployment/web"], "are behind 2 Services: service/again, service/web"),
        (["wbe"], "there is no Service wbe"),
        (["rollout/web"], "rollout is no kind whose Services are known"),
        (["web", "--expose", "81"], "Service web has no port 81"),
        (["web", "--expose", "1:http"], "127.0.0.1:1, which is to answer port 80: nothing"),
        (["web", "--expose", "1:80,2:http"], "lead to the same port 8080"),
        (["web", "--expose", "x=80"], "x is not a target of this command"),
        (["web", "--mode", "ephemeral"], "NET_ADMIN"),
        (["daemonset/none", "--mode", "scale"], "there is no daemonset/none"),
        (["rollout/web", "--mode", "scale"], "no kind rollout that can be scaled"),
        (["ext", "--mode", "scale"], "has no Pods that anything makes"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_reason_and_advice(cluster, shop, argv, says):
    error = refused(cluster, shop, "exchange", *argv)
    assert says in error["message"]
    assert error["hint"]


def versions(cluster, namespace):
    """Every object of the namespace, in the version that it has."""
    found = cluster.get(EVERYTHING, f"--namespace={namespace}")["items"]
    return {
        (each["kind"], each["metadata"]["name"]): each["metadata"]["resourceVersion"]
        for each in found
        if each["kind"] != "Event"
    }


def events(done, kind):
    return [event for event in done.events if event["event"] == kind]


@pytest.mark.parametrize(
    ("argv", "kinds", "changes"),
    [
        (
            ["exchange", "web", "--expose", "{port}:80"],
            ["Lease", "Service", "ConfigMap", "Deployment"],
            ["v1/Service/{}/web#/spec/selector"],
        ),
        (
            ["exchange", "deployment/web", "--mode", "scale", "--expose", "{port}:http"],
            ["Lease", "ConfigMap", "Deployment"],
            ["apps/v1/Deployment/{}/web/scale#/spec/replicas"],
        ),
        (
            ["preview", "mine", "--expose", "{port}:80"],
            ["Lease", "ConfigMap", "Deployment", "Service"],
            [],
        ),
        (
            ["connect", "--disableTunDevice", "--proxyPort", "0"],
            ["Lease", "ConfigMap", "Deployment"],
            [],
        ),
    ],
)
def test_a_dry_run_tells_all_and_changes_nothing(cluster, shop, argv, kinds, changes):
    before = versions(cluster, shop)
    with local_program(cluster) as local:
        words = [word.format(port=local.http) for word in argv]
        done = ktctl(cluster, shop, *words, "--dryRun")
    assert done.code == 0, done.stdout + done.stderr
    assert [event["object"]["kind"] for event in events(done, "create")] == kinds
    assert [event["key"] for event in events(done, "change")] == [
        change.format(shop) for change in changes
    ]
    assert "nothing was created" in json.dumps(events(done, "note"))
    assert versions(cluster, shop) == before


def test_a_dry_run_is_refused_what_the_cluster_would_refuse(cluster, namespace):
    quota = {"hard": {"count/deployments.apps": "1"}}
    Deploy(cluster, namespace)(
        service("web", ports=HTTP, **SINGLE),
        workload(cluster, "web"),
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "one"}, "spec": quota},
    )
    skip = "--skipPortChecking"
    error = refused(cluster, namespace, "exchange", "web", "--dryRun", skip)
    assert "exceeded quota" in error["message"]


def test_other_services_and_missing_pods_are_told(cluster, shop):
    skip = ("--dryRun", "--skipPortChecking")
    told = ktctl(cluster, shop, "exchange", "web", *skip).stdout
    assert "callers of again still get the original Pods" in told
    told = ktctl(cluster, shop, "exchange", "idle", *skip).stdout
    assert "no Pod of Service idle is ready" in told
