"""With which rights a connect works: those of the documented Role, no fewer."""

import pytest
from playground import users
from tests.cluster import kubeconfigs
from tests.cluster.connecting import (
    command,
    connected,
    lookup,
    ours,
    probe,
    run_ktctl,
    wait_until,
)
from tests.cluster.namespaces import namespace_named
from tests.cluster.world import service, workload

pytestmark = pytest.mark.cluster


def without(rules, verb, resource):
    return [
        {**rule, "verbs": [each for each in rule["verbs"] if each != verb]}
        if resource in rule["resources"]
        else rule
        for rule in rules
    ]


def every_right():
    """All single rights of the documented Role: what is needed, no more."""
    return [
        pytest.param(verb, resource, id=f"{verb}-{resource}")
        for rule in kubeconfigs.documented_rules()
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def test_the_documented_role_is_enough_for_its_namespace(cluster, namespace, deploy, limited_user):
    deploy(service("web"), workload(cluster, "web"))
    config = limited_user(kubeconfigs.documented_rules())
    with connected(cluster, namespace, "--kubeconfig", str(config)) as session:
        notes = [event["message"] for event in session.events if event["event"] == "note"]
        assert any(namespace in note for note in notes), notes
        assert probe(cluster, "http", "http://web/")["pod"].startswith("web-")
        assert probe(cluster, "http", f"http://web.{namespace}/")["pod"].startswith("web-")
        pods = cluster.get("pods", f"--namespace={namespace}", "--selector=app=web")["items"]
        for address in pods[0]["status"]["podIPs"]:
            host = f"[{address['ip']}]" if ":" in address["ip"] else address["ip"]
            answer = probe(cluster, "http", f"http://{host}:8080/")
            assert answer["pod"] == pods[0]["metadata"]["name"]
        assert lookup(cluster, "example.com") == ["A 203.0.113.10"]
        number = len(session.events)
        deploy(service("late"))
        wait_until(lambda: str(lookup(cluster, "late")).startswith("['A 10.96."), within=10)
        assert session.wait_health("up", 5, after=number)
    assert ours(cluster, namespace) == []


@pytest.fixture(scope="module")
def poor_user(cluster):
    """A kubeconfig of a user whose rules can be changed; nothing is ever made in her namespace."""
    with namespace_named(cluster, "poor"):
        config = users.make(cluster, "poor", "poor", kubeconfigs.documented_rules())

        def become(rules):
            cluster.apply(users.objects("poor", "poor", rules)[:1])
            return str(config)

        yield become
        assert ours(cluster, "poor") == []


@pytest.mark.parametrize(("verb", "resource"), every_right())
def test_a_missing_verb_is_named_before_anything_is_created(cluster, poor_user, verb, resource):
    config = poor_user(without(kubeconfigs.documented_rules(), verb, resource))
    ended = run_ktctl(cluster, *command(cluster, "poor", "--kubeconfig", config)[1:])
    assert ended.code == 4, ended
    assert f"{verb} {resource}" in ended.error["message"]
    assert "in namespace poor" in ended.error["message"]
    assert "ktctl rbac print" in ended.error["hint"]
    assert "Starting" not in ended.stdout


def test_several_missing_verbs_are_all_named_at_once(cluster, poor_user):
    config = poor_user([])
    ended = run_ktctl(cluster, *command(cluster, "poor", "--kubeconfig", config)[1:])
    assert ended.code == 4
    for right in ("delete leases", "create pods/portforward", "list, watch services"):
        assert right in ended.error["message"]
