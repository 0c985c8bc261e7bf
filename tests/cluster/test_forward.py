"""Ports of the cluster on the laptop: what is reached, and what is followed when it moves."""

import json
import signal

import pytest
from tests.cluster.background import at_desk
from tests.cluster.connecting import ours, probe, started, wait_until
from tests.cluster.healing import one_of_each
from tests.cluster.patience import at_last
from tests.cluster.processes import agent, send
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster]


@pytest.fixture
def desk(cluster, namespace):
    with at_desk(cluster, namespace) as found:
        yield found


@pytest.fixture
def forwarded(cluster, desk):
    """``with forwarded(*args) as session``: ktctl forward runs in the block."""

    class Forwarded:
        def __init__(self, *argv):
            command = [*desk.command("forward", *argv), "-o", "json"]
            self._started = started(cluster, command, env=desk.env)

        def __enter__(self):
            self.session = self._started.__enter__()
            self.session.wait_for(lambda event: event["event"] == "ready")
            return self

        def __exit__(self, *error):
            if error[0] is None:
                assert self.session.stop() == 0, self.session.story()
            self._started.__exit__(*error)

        def port(self, number=0):
            """The local port of the one with this number."""
            shown = self.session.ready["facts"]["ports"][number]
            return int(shown.partition(" -> ")[0].rpartition(":")[2])

        def answered_by(self, number=0):
            """The Pod that answers a new connection; "" if none does."""
            url = f"http://127.0.0.1:{self.port(number)}/"
            done = cluster.laptop(["curl", "-s", "--max-time", "5", url])
            return pod_of(done.stdout) if done.returncode == 0 else ""

    return Forwarded


def pod_of(answer):
    return json.loads(answer)["pod"]


def pods(cluster, namespace, app="web"):
    found = cluster.get("pods", f"--namespace={namespace}", f"--selector=app={app}")["items"]
    return sorted(
        pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]
    )


def test_services_are_reached_by_tcp_and_udp_over_ipv4_and_ipv6(cluster, world, forwarded, desk):
    where = ("--namespace", world.namespace)
    with forwarded("service/web", "0:http", "0:tcp", "0:udp", *where) as found:
        assert found.answered_by().startswith("web-")
        tcp, udp = found.port(1), found.port(2)
        for host in ("127.0.0.1", "::1"):
            assert "hello" in probe(cluster, "tcp", host, tcp)
            assert probe(cluster, "udp", host, udp)
        probe(cluster, "bulk", "127.0.0.1", tcp, 1 << 20)
        assert (
            f"port 80 of service 'web' via 'localhost:{found.port()}'"
            in (found.session.ready["banner"])
        )
        results = [event.get("result", "") for event in found.session.events]
        assert any("service/web:80 answers in" in result for result in results)
    assert ours(cluster, world.namespace) == []
    assert desk.files() == []


@pytest.mark.parametrize(
    "target",
    [
        "web",
        "pod/{pod}",
        "deployment/web",
        "statefulset/db",
        "service/db",
        "web.{ns}:80",
        "{ip}:80",
    ],
)
def test_every_kind_of_target_is_reached(cluster, world, forwarded, target):
    pod = next(name for name in sorted(world.pods) if name.startswith("web-"))
    text = target.format(pod=pod, ns=world.namespace, ip=world.address("service", "web", 4))
    kind = text.partition("/")[0]
    port = ["0:" + text] if text.endswith(":80") else [text, "0:8080" if "/" in text else "0:80"]
    if kind == "service":
        port = [text, "0:http"]
    with forwarded(*port, "--namespace", world.namespace) as found:
        expected = "db-" if "db" in text else "web-"
        assert found.answered_by().startswith(expected)


def test_connections_follow_when_a_pod_is_replaced(cluster, namespace, deploy, forwarded):
    deploy(workload(cluster, "web"), service("web"))
    (first,) = pods(cluster, namespace)
    targets = (f"pod/{first}", "0:8080", "deployment/web", "0:8080", "service/web", "0:80")
    with forwarded(*targets) as found:
        assert [found.answered_by(number) for number in range(3)] == [first] * 3
        cluster.kubectl("delete", "pod", first, f"--namespace={namespace}", "--wait=false")
        for number in range(3):
            wait_until(lambda: found.answered_by(number) not in ("", first), 30)  # noqa: B023
        notes = [event.get("message", "") for event in found.session.events]
        (second,) = pods(cluster, namespace)
        assert any(f"go to pod/{second} now" in note for note in notes)


@pytest.mark.parametrize("how", ["process killed", "Pod deleted", "Deployment deleted"])
def test_a_lost_agent_is_made_anew(cluster, namespace, forwarded, how):
    with forwarded("0:kubernetes.default:443") as found:
        url = f"https://127.0.0.1:{found.port()}/version"
        ask = ["curl", "-sk", "--max-time", "5", url]
        assert "gitVersion" in cluster.laptop(ask).stdout
        mine = (f"--selector=kt-session={found.session.name}", f"--namespace={namespace}")
        if how == "process killed":
            send(signal.SIGKILL, agent(cluster, namespace))
        else:
            cluster.kubectl("delete", how.partition(" ")[0].lower(), *mine, "--wait=false")
        wait_until(lambda: found.session.status["health"] != "up", 20)
        wait_until(lambda: "gitVersion" in cluster.laptop(ask).stdout, 40)
        one_of_each(cluster, namespace, found.session)


def test_a_killed_one_leaves_nothing_that_clean_does_not_take(cluster, namespace, desk):
    argv = [*desk.command("forward", "0:kubernetes.default:443"), "-o", "json"]
    with started(cluster, argv, env=desk.env) as session:
        session.wait_for(lambda event: event["event"] == "ready")
        send(signal.SIGKILL, session.pid)
        session.wait(at_last(10))
    assert ours(cluster, namespace) != []
    assert desk.run("clean", "-n", namespace).code == 0
    wait_until(lambda: ours(cluster, namespace) == [])
    assert desk.files() == []


REFUSED = [
    (("nix", "80"), 2, "there is no service/nix"),
    (("service/kubernetes", "81:82", "-n", "default"), 2, "has no port 81:82"),
    (("a:1", "1:b:2"), 2, "local port 1/tcp is wanted twice"),
    (("0:a:1", "--address", "203.0.113.9"), 7, "203.0.113.9 can't be listened on"),
]


@pytest.mark.parametrize(("argv", "code", "words"), REFUSED)
def test_what_cannot_be_forwarded_is_said_before_anything_is_made(
    cluster, namespace, desk, argv, code, words
):
    done = desk.run(*desk.command("forward")[1:], *argv, "-o", "json")
    assert done.code == code, done
    assert words in done.error["message"]
    assert ours(cluster, namespace) == []


def test_a_port_that_is_taken_is_said_with_what_to_do(cluster, namespace, desk, forwarded):
    with forwarded("0:kubernetes.default:443") as found:
        done = desk.run(
            *desk.command("forward")[1:], f"{found.port()}:kubernetes.default:443", "-o", "json"
        )
        assert done.code == 7
        assert "is taken by another program" in done.error["message"]
        assert "LOCAL:REMOTE" in done.error["hint"]


def test_what_does_not_answer_is_told_and_tried_again(cluster, namespace, deploy, forwarded):
    deploy(workload(cluster, "web", replicas=0), service("web"), wait=False)
    with forwarded("service/web", "0:80") as found:
        warned = [event for event in found.session.events if event["event"] == "warning"]
        assert "can't reach" in warned[0]["message"]
        cluster.kubectl("scale", "deployment", "web", f"--namespace={namespace}", "--replicas=1")
        wait_until(lambda: found.answered_by().startswith("web-"), 30)
