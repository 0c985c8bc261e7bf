"""The Role that `ktctl rbac print` prints for a command is enough for it."""

import contextlib
import json

import pytest
import yaml
from playground.testing import Deploy
from tests.cluster.connecting import KTCTL, run_ktctl, started, wait_until
from tests.cluster.exchanging import local_program
from tests.cluster.patience import at_last
from tests.cluster.taking import nothing_of_ours, replicas, selector
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

LASTING = {
    "exchange": ("exchange", ["exchange", "web", "--expose", "{port}:80"]),
    "exchange-scale": (
        "exchange",
        ["exchange", "web", "--mode", "scale", "--expose", "{port}:80"],
    ),
    "mesh-router": (
        "mesh-router",
        ["mesh", "web", "--mode", "router", "--routerImage", "{envoy}", "--expose", "{port}:80"],
    ),
    "preview": ("preview", ["preview", "mine", "--expose", "{port}:80"]),
    "forward": ("forward", ["forward", "service/web", "0:80"]),
}


def printed(cluster, *commands):
    """The rules as the command prints them, for a user of these commands."""
    done = run_ktctl(cluster, "rbac", "print", *commands)
    assert done.code == 0, done
    return yaml.safe_load(done.stdout)["rules"]


@pytest.fixture
def web(cluster, namespace, deploy):
    deploy(service("web"), workload(cluster, "web"))
    return namespace


@pytest.mark.parametrize("name", LASTING)
def test_a_session_works_and_ends_with_the_printed_rights_alone(cluster, web, limited_user, name):
    command, words = LASTING[name]
    config = str(limited_user(printed(cluster, command)))
    image = ["--image", cluster.state.images["python"]]
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(local_program(cluster))
        envoy = cluster.state.images["envoy"]
        given = [word.format(port=local.http, envoy=envoy) for word in words]
        argv = [KTCTL, *given, *image, "--kubeconfig", config, "-o", "json"]
        session = stack.enter_context(started(cluster, argv))
        session.wait_for(lambda event: event["event"] == "ready", at_last(60))
        assert session.stop(within=at_last(60)) == 0, session.story()
        warnings = [event for event in session.events if event["event"] == "warning"]
        assert not any("you may not" in json.dumps(event) for event in warnings), warnings
    assert selector(cluster, web) == {"app": "web"}
    assert replicas(cluster, web) == 1
    wait_until(lambda: nothing_of_ours(cluster, web), within=30)


def test_setup_works_with_the_printed_rights_alone(cluster, namespace, limited_user):
    config = ("--kubeconfig", str(limited_user(printed(cluster, "setup"))))
    for flags in ((), ("--remove",)):
        done = run_ktctl(cluster, "setup", *config, *flags)
        assert done.code == 0, done
        found = cluster.get("serviceaccounts", f"--namespace={namespace}")["items"]
        assert ("kt-agent" in {each["metadata"]["name"] for each in found}) is not bool(flags)


def test_birdseye_works_with_the_printed_rights_alone(cluster, web, limited_user):
    config = ("--kubeconfig", str(limited_user(printed(cluster, "birdseye"))))
    done = run_ktctl(cluster, "birdseye", *config)
    assert done.code == 0, done
    assert "web" in done.stdout


def test_a_printed_role_can_be_applied(cluster, namespace):
    done = run_ktctl(cluster, "rbac", "print", "connect", "exchange", "-n", namespace)
    Deploy(cluster, namespace)(done.stdout, wait=False)
    found = cluster.get("role", "ktctl-connect-exchange", f"--namespace={namespace}")
    assert found["rules"] == printed(cluster, "connect", "exchange")
