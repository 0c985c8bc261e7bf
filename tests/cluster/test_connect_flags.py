"""The agent in the cluster: what it may do, what the flags make of it, who shares it."""

import json
from dataclasses import fields

import pytest
from tests.cluster.connecting import (
    KTCTL,
    command,
    connected,
    laptop_state,
    ours,
    probe,
    run_ktctl,
    started,
    wait_until,
)
from tests.cluster.terminals import terminal

from ktconnect.modes.report import Ready, Status
from ktconnect.names import AGENT_PORT

pytestmark = pytest.mark.cluster

PROXY = ["--disableTunDevice", "--proxyPort", "0"]
ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: walker}
"""


def objects(cluster, namespace, session):
    """Lease, ConfigMap, Deployment and Pod of a session."""
    label = f"--selector=kt-session={session.name}"
    kinds = "leases,configmaps,deployments,pods"
    found = cluster.get(kinds, f"--namespace={namespace}", label)["items"]
    return {each["kind"]: each for each in found}


def test_the_agent_is_allowed_where_pods_are_restricted(cluster, namespace, connect):
    labels = [f"pod-security.kubernetes.io/{what}=restricted" for what in ("enforce", "warn")]
    cluster.kubectl("label", "namespace", namespace, *labels)
    with connect(*PROXY) as session:
        pod = objects(cluster, namespace, session)["Pod"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert "hostNetwork" not in pod


def test_the_agent_listens_where_only_a_port_forward_gets_in(cluster, world, namespace, connect):
    with connect(*PROXY) as session:
        pod = objects(cluster, namespace, session)["Pod"]["status"]["podIP"]
        words = ["exec", f"--namespace={world.namespace}", "deployment/web", "--", "python3", "-c"]
        dial = f"import socket; socket.create_connection(('{pod}', {AGENT_PORT}), 3)"
        done = cluster.laptop(["kubectl", *words, dial])
        assert "ConnectionRefusedError" in done.stderr


def test_every_flag_is_found_in_the_objects(cluster, namespace, deploy, connect):
    deploy(ACCOUNT)
    wait_until(lambda: "walker" in cluster.kubectl("get", "serviceaccounts", "-n", namespace))
    flags = {
        "--withLabel": "team=a,stage=test",
        "--withAnnotation": "note=two words,example.com/x=1",
        "--nodeSelector": "kubernetes.io/hostname=node2,kubernetes.io/os=linux",
        "--podQuota": "0.2c,128m",
        "--serviceAccount": "walker",
        "--imagePullSecret": "registry",
    }
    given = [word for pair in flags.items() for word in pair]
    with connect(*PROXY, *given, "--useShadowDeployment", "--useLocalTime") as session:
        found = objects(cluster, namespace, session)
        assert sorted(found) == ["ConfigMap", "Deployment", "Lease", "Pod"]
        for each in found.values():
            labels, notes = each["metadata"]["labels"], each["metadata"]["annotations"]
            assert (labels["team"], labels["stage"]) == ("a", "test")
            assert (notes["note"], notes["example.com/x"]) == ("two words", "1")
            assert labels["control-by"] == "kt"
            assert labels["kt-role"] == "shadow-connect"
        pod = found["Pod"]["spec"]
        assert pod["nodeName"] == "node2"
        assert pod["serviceAccountName"] == "walker"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        [container] = pod["containers"]
        amounts = {"cpu": "200m", "memory": "128Mi"}
        assert container["resources"] == {"limits": amounts, "requests": amounts}
        assert container["imagePullPolicy"] == "IfNotPresent"
        owner = found["Deployment"]["metadata"]["ownerReferences"]
        assert [each["uid"] for each in owner] == [found["Lease"]["metadata"]["uid"]]


def test_force_update_pulls_the_image_though_the_node_has_it(cluster, namespace):
    """There is no registry here, so it is seen by failing."""
    image = cluster.state.images["python"]
    argv = command(cluster, namespace, *PROXY, "--forceUpdate")
    with started(cluster, argv) as session:
        error = session.wait_for(lambda event: event["event"] == "error", 20)
        assert session.wait() == 5
    assert image in error["message"]


def test_a_pod_that_never_starts_is_given_up_in_time(cluster, namespace):
    """Nobody schedules, so Kubernetes has no reason to tell."""
    cluster.stop_component("kube-scheduler")
    try:
        argv = command(cluster, namespace, *PROXY, "--podCreationTimeout", "3")
        with started(cluster, argv) as session:
            error = session.wait_for(lambda event: event["event"] == "error", 15)
            assert session.wait() != 0
    finally:
        cluster.start_component("kube-scheduler")
    assert "3 s" in error["message"]
    assert "--podCreationTimeout" in error["hint"]
    assert ours(cluster, namespace) == []


def works(cluster, session):
    url = "https://kubernetes.default/version"
    proxy = session.ready["facts"]["proxy"]
    done = cluster.laptop(["curl", "-sk", "-m", "20", "--socks5-hostname", proxy, url])
    return "gitVersion" in done.stdout


def agents(cluster, namespace):
    return [each for each in ours(cluster, namespace) if each.startswith("Deployment/")]


def test_users_who_share_an_agent_come_and_go_as_they_like(cluster, namespace):
    share = [*PROXY, "--shareShadow"]
    with connected(cluster, namespace, *share) as first:
        assert agents(cluster, namespace) == ["Deployment/kt-connect-shadow-daemon"]
        with connected(cluster, namespace, *share) as second:
            assert agents(cluster, namespace) == ["Deployment/kt-connect-shadow-daemon"]
            number = len(second.events)
            assert first.stop() == 0
            assert works(cluster, second)
            second.wait_health("up", 10, after=number)
            assert agents(cluster, namespace) == ["Deployment/kt-connect-shadow-daemon"]
            assert second.status["reconnections"] == 0
    wait_until(lambda: ours(cluster, namespace) == [], within=20)


def test_a_user_who_crashed_does_not_pin_a_shared_agent(cluster, namespace):
    share = [*PROXY, "--shareShadow"]
    with connected(cluster, namespace, *share) as first:
        with connected(cluster, namespace, *share) as second:
            first.kill()
            assert works(cluster, second)
    cleaned = run_ktctl(cluster, "clean", "-n", namespace)
    assert cleaned.code == 0, cleaned
    wait_until(lambda: ours(cluster, namespace) == [], within=20)


def test_the_events_are_those_of_the_documentation(cluster, namespace, connect):
    with connect(*PROXY) as session:
        session.wait_health("up", 5)
    kinds = [event["event"] for event in session.events]
    ready = kinds.index("ready")
    assert set(kinds[:ready]) == {"step"}
    assert set(kinds) == {"step", "ready", "status", "note", "end"}
    for event in session.events[:ready]:
        assert set(event) == {"time", "event", "title", "result", "seconds", "good"}
    for event, told in ((session.ready, Ready), (session.status, Status)):
        assert set(event) == {"time", "event", *(field.name for field in fields(told))}


def test_a_person_reads_steps_one_clear_line_and_the_state(cluster, namespace):
    image = cluster.state.images["python"]
    argv = [KTCTL, "connect", "-n", namespace, "--image", image, *PROXY]
    with started(cluster, argv) as session:
        session.wait_for(lambda event: "● up" in event.get("text", ""), 20)
        assert session.stop() == 0
    lines = [event["text"] for event in session.events if event["event"] == "text"]
    assert len([line for line in lines if line.startswith("✓ ")]) >= 5
    assert len([line for line in lines if line.startswith("Ready after ")]) == 1
    assert "Stop with Ctrl-C" in "".join(lines)


def test_on_a_terminal_the_last_line_is_alive(cluster, namespace):
    image = cluster.state.images["python"]
    argv = [KTCTL, "connect", "-n", namespace, "--image", image, *PROXY]
    with terminal(cluster, argv, columns=60) as shown:
        shown.wait_for(lambda seen: seen.count("● up · ") >= 2)
        assert "0 streams" in shown.seen
        shown.resize(40)
        shown.wait_for(lambda seen: "…" in seen.rpartition("● up · ")[2])
        assert shown.interrupt() == 0
        assert "Nothing of ours is left in the cluster" in shown.seen
    assert ours(cluster, namespace) == []


def test_debug_logs_to_standard_error_and_nowhere_else(cluster, namespace, connect):
    with connect(*PROXY, "--debug") as session:
        pass
    assert "ktconnect" in session.stderr
    for event in session.events:
        assert event["event"] != "text", event


def test_connects_of_several_users_do_not_disturb_each_other(cluster, namespace):
    with connected(cluster, namespace, *PROXY) as first:
        with connected(cluster, namespace, *PROXY) as second:
            assert first.name != second.name
            assert len(agents(cluster, namespace)) == 2
        assert works(cluster, first)
        leases = cluster.get("leases", f"--namespace={namespace}")["items"]
        assert [each["metadata"]["name"] for each in leases] == [first.name]
        holder = json.dumps(leases[0]["spec"]["holderIdentity"])
        assert "@laptop" in holder


def test_a_second_connect_of_the_laptop_is_refused_and_harms_nothing(cluster, namespace, connect):
    with connect() as first:
        state = laptop_state(cluster)
        ended = run_ktctl(cluster, *command(cluster, namespace)[1:])
        assert ended.code == 7
        assert "other `ktctl connect` of this machine" in ended.error["hint"]
        assert laptop_state(cluster) == state
        assert agents(cluster, namespace) == [f"Deployment/{first.name}"]
        first.wait_health("up", 5, after=len(first.events))


def test_connects_with_different_ranges_run_beside_each_other(cluster, world, connect):
    """As those to two clusters do."""
    before = laptop_state(cluster)
    address = world.address("service", "web", 4)
    with connect("--excludeIps", "10.244.0.0/16,fd00::/16"):
        more = ["--disablePodIp", "--excludeIps", "10.96.0.0/16,fd00::/16"]
        with connect(*more, "--includeIps", "198.51.100.0/24", "--dnsMode", "none") as second:
            assert second.ready["facts"]["tun"] == "kt1"
            assert probe(cluster, "http", f"http://{address}/")["pod"].startswith("web-")
            assert probe(cluster, "http", "http://198.51.100.10/")["method"] == "GET"
        assert probe(cluster, "http", f"http://{address}/")["pod"].startswith("web-")
    assert laptop_state(cluster) == before
